import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** 32 MiB and about a quarter of a second: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
const COST = { N: 2 ** 15, r: 8, p: 3 }
const KEY_BYTES = 32
const SALT_BYTES = 16

/** Stands for the hash of a user who does not exist, so that asking for one takes as long. No password has it. */
const NOBODY = format(COST, Buffer.alloc(SALT_BYTES), Buffer.alloc(KEY_BYTES))

/** What is stored of a password: `scrypt$N$r$p$salt$key`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return format(COST, salt, await keyOf(password, salt, COST, KEY_BYTES))
}

/** Takes the same time whether there is a hash or not. */
export async function isPassword(password: string, stored: string | null | undefined): Promise<boolean> {
  const { cost, salt, key } = parse(stored ?? NOBODY)
  const given = await keyOf(password, salt, cost, key.length)
  return timingSafeEqual(given, key) && typeof stored === 'string'
}

function keyOf(password: string, salt: Buffer, cost: typeof COST, length: number): Promise<Buffer> {
  const maxmem = 256 * cost.N * cost.r
  return derive(password.normalize('NFKC'), salt, length, { ...cost, maxmem })
}

function format({ N, r, p }: typeof COST, salt: Buffer, key: Buffer): string {
  return ['scrypt', N, r, p, salt.toString('base64'), key.toString('base64')].join('$')
}

function parse(stored: string): { cost: typeof COST; salt: Buffer; key: Buffer } {
  const [, n, r, p, salt, key] = stored.split('$')
  return {
    cost: { N: Number(n), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt!, 'base64'),
    key: Buffer.from(key!, 'base64'),
  }
}
