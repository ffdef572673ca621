import { expect, it } from 'vitest'
import { BUCKETS, bucketOf } from './assignment.ts'

it('a unit has the same bucket on every gateway and in every release', () => {
  expect(bucketOf('rollout-1', 'user-1')).toBe(627)
  expect(bucketOf('rollout-1', 'user-2')).toBe(8213)
  expect(bucketOf('rollout-2', 'user-1')).toBe(5623)
})

it('units spread evenly: a χ² over 100 groups of buckets stays below its 99.99 % quantile', () => {
  const counts = Array.from({ length: 100 }, () => 0)
  const units = 100_000
  for (let i = 0; i < units; i++) counts[Math.floor(bucketOf('salt', `0198-${i}`) / (BUCKETS / 100))]! += 1
  const expected = units / 100
  const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  expect(chi).toBeLessThan(161)
})

it('assignments of two rollouts are independent of each other', () => {
  let both = 0
  const units = 100_000
  for (let i = 0; i < units; i++)
    if (bucketOf('a', `u${i}`) < 1000 && bucketOf('b', `u${i}`) < 1000) both += 1
  expect(Math.abs(both / units - 0.01)).toBeLessThan(0.002)
})

it('raising the weight moves nobody back to stable', () => {
  const at = (weight: number) => Array.from({ length: 1000 }, (_, i) => bucketOf('r', `u${i}`) < weight)
  const [few, many] = [at(500), at(2500)]
  expect(few.every((chosen, i) => !chosen || many[i])).toBe(true)
})
