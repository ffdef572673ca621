import { readdirSync, readFileSync } from 'node:fs'

/** Ids of the living child processes of a process (Linux); of those whose command line has `text`, when given. */
export function childrenOf(parent: number, text = ''): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && parentOf(pid) === parent && commandOf(pid).includes(text))
}

/** False for a process that has ended, also while its parent has not yet asked how. */
export function lives(pid: number): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat[0] !== 'Z'
}

export function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

function parentOf(pid: number): number | undefined {
  const stat = statOf(pid)
  return stat === undefined || stat[0] === 'Z' ? undefined : Number(stat[1])
}

/** State and parent, which follow the name in parentheses. */
function statOf(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
  } catch {
    return undefined
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
