import { createInterface } from 'node:readline/promises'
import { AppError } from '../kernel/errors.ts'

/** Asks on the terminal; without one it reads a line of standard input, whose end is an empty answer. */
export async function ask(question: string): Promise<string> {
  const { stdin, stderr } = process
  const lines = createInterface({ input: stdin, output: stderr, terminal: stdin.isTTY })
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    return (await Promise.race([lines.question(stdin.isTTY ? question : ''), ended])).trim()
  } finally {
    lines.close()
  }
}

/** Goes on only when the word is typed after what cannot be taken back. Throws `invalid` otherwise, also where nobody can type. */
export async function requireWord(word: string, consequence: string): Promise<void> {
  const typed = await ask(`${consequence} Type "${word}": `)
  if (typed !== word)
    throw new AppError('invalid', `Nothing was changed: that needs the word "${word}", or --yes`)
}

/** Asks for what must not be seen or stand in a history: nothing is echoed, and standard input will do as well. */
export async function askSecret(question: string): Promise<string> {
  const { stdin, stderr } = process
  if (!stdin.isTTY) return await readLine()
  stderr.write(question)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  let typed = ''
  try {
    for await (const chunk of stdin) {
      for (const key of chunk as string) {
        if (key === '\r' || key === '\n' || key === '\u0004') return typed
        if (key === '\u0003') throw new AppError('invalid', 'Nothing was entered')
        typed = key === '\u007F' ? typed.slice(0, -1) : typed + key
      }
    }
    return typed
  } finally {
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}

async function readLine(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string
    if (text.includes('\n')) break
  }
  return text.split('\n')[0]!.replace(/\r$/, '')
}
