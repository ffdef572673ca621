import { AppError } from '../kernel/errors.ts'

/** `flights@2` as name and number; without a number the latest is meant. */
export function parseReference(reference: string): { name: string; number: number | undefined } {
  const { name, number } = /^(?<name>[^@]+)(?:@(?<number>\d{1,9}))?$/.exec(reference)?.groups ?? {}
  if (name === undefined) {
    throw new AppError('invalid', `${reference} names no dataset version: write flights, or flights@2`)
  }
  return { name, number: number === undefined ? undefined : Number(number) }
}

export function datasetPath(name: string): string {
  return `/datasets/${encodeURIComponent(name)}`
}
