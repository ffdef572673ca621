const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** What a request tells by itself. The same function computes it in training and in the gateway. */
export function flightTime({ date, distance }: { date: number; distance: number }) {
  return {
    hour: Math.floor((date % DAY_MS) / HOUR_MS),
    // 1 January 1970 was a Thursday; 0 is Monday.
    weekday: (Math.floor(date / DAY_MS) + 3) % 7,
    distance,
  }
}
