const minus = '\u2212'
const thin = '\u202f'

/** 508239 → "508,239". */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-GB').replace('-', minus)
}

/** 508239 → "508k"; for axes and tight places, never where the exact count matters. */
export function compact(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e6) return `${trim(value / 1e6, size >= 1e7 ? 0 : 1)}M`
  if (size >= 1e4) return `${trim(value / 1e3, 0)}k`
  if (size >= 1e3) return `${trim(value / 1e3, 1)}k`
  return decimal(value)
}

/** Three significant decimals below ten, fewer above; a real minus sign. */
export function decimal(value: number, digits?: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  const places =
    digits ?? (size === 0 || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : size < 0.001 ? 5 : 3)
  if (Number.isInteger(value) && digits === undefined)
    return size >= 10_000 ? count(value) : String(value).replace('-', minus)
  const text = value.toFixed(places)
  return text.replace('-', minus)
}

/** A measured value: four decimals, and powers of ten for what is tiny or huge. */
export function written(value: number | undefined): string {
  if (value === undefined) return ''
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  if (size >= 1e15 || (size !== 0 && size < 0.001) || (size >= 1e7 && !Number.isInteger(value)))
    return value.toExponential(2).replaceAll('-', minus)
  return Number.isInteger(value) ? decimal(value) : decimal(value, 4)
}

export function signed(value: number, digits = 3): string {
  return value > 0 ? `+${decimal(value, digits)}` : decimal(value, digits)
}

/** 0.914 → "91 %"; one decimal below ten per cent. */
export function share(value: number): string {
  const percent = value * 100
  const places = percent !== 0 && Math.abs(percent) < 10 && !Number.isInteger(percent) ? 1 : 0
  return `${percent.toFixed(places).replace('-', minus)}${thin}%`
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`
  if (value < 1024 ** 2) return `${trim(value / 1024, 1)} KB`
  if (value < 1024 ** 3) return `${trim(value / 1024 ** 2, 1)} MB`
  return `${trim(value / 1024 ** 3, 2)} GB`
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${trim(ms / 1000, 1)} s`
  if (ms < 3_600_000) return parts(Math.round(ms / 1000), 'min', 's')
  if (ms < 86_400_000) return parts(Math.round(ms / 60_000), 'h', 'min')
  return `${trim(ms / 86_400_000, 1)} d`
}

function parts(smaller: number, big: string, small: string): string {
  const rest = smaller % 60
  return `${Math.floor(smaller / 60)} ${big}${rest === 0 ? '' : ` ${rest} ${small}`}`
}

/** How long ago, or in how long; the day itself where that is beyond two months. */
export function relative(ms: number, nowMs: number): string {
  const ago = nowMs - ms
  const size = Math.abs(ago)
  if (size < 5000) return 'now'
  const text =
    size < 60_000
      ? `${Math.round(size / 1000)} s`
      : size < 3_600_000
        ? `${Math.round(size / 60_000)} min`
        : size < 86_400_000
          ? `${Math.round(size / 3_600_000)} h`
          : `${Math.round(size / 86_400_000)} d`
  if (size > 60 * 86_400_000) return date(ms)
  return ago >= 0 ? `${text} ago` : `in ${text}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (value: number) => String(value).padStart(2, '0')

/** Days and hours are shown in UTC everywhere: windows, partitions and profiles are cut there. */
export function dayOf(ms: number): string {
  const at = new Date(ms)
  return `${at.getUTCDate()} ${months[at.getUTCMonth()]}`
}

export function clockOf(ms: number): string {
  const at = new Date(ms)
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`
}

export function date(ms: number): string {
  return `${dayOf(ms)} ${new Date(ms).getUTCFullYear()}`
}

export function dateTime(ms: number): string {
  return `${dayOf(ms)} ${clockOf(ms)}`
}

/** A moment in data, which may be of any year. */
export function moment(ms: number): string {
  return ms % 86_400_000 === 0 ? date(ms) : `${date(ms)} ${clockOf(ms)}`
}

export function toTheSecond(ms: number): string {
  return `${dateTime(ms)}:${two(new Date(ms).getUTCSeconds())}`
}

export function exact(ms: number): string {
  const at = new Date(ms)
  return `${date(ms)} ${clockOf(ms)}:${two(at.getUTCSeconds())} UTC`
}

/** Any JSON value as one short line for a table cell. */
export function plain(value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number') return decimal(value)
  if (typeof value === 'string') return value
  return JSON.stringify(value)
}

function trim(value: number, places: number): string {
  return String(Number(value.toFixed(places))).replace('-', minus)
}
