/** Rows of one entity in one hour, and how many of them were bad. Hours without rows are left out. */
export interface EntityHour {
  hourMs: number
  rows: number
  bad: number
}

export interface FeedRule {
  badShare: number
  minHours: number
  minRows: number
}

export interface SickEntity {
  entity: string
  /** Hours with rows, all bad, up to the judged one. */
  hours: number
  rows: number
  bad: number
  sinceMs: number
  /** The longest such run before. */
  longestBefore: number
  hoursBefore: number
}

/** An entity that was bad in a tenth of its hours before tells nothing new by being bad again. */
const USUALLY_BAD = 0.1
/** Hours with rows that an entity needs before it can be called healthy by habit. */
const FEWEST_HOURS = 24

/**
 * Entities whose feed has gone bad: normally healthy, bad in at least `minHours` hours with rows in a row, longer than ever before. Hours
 * are the blocks, since the rows of one entity within an outage stand and fall together: a test on rows would cry wolf.
 */
export function findSick(
  entities: ReadonlyMap<string, readonly EntityHour[]>,
  judgedHourMs: number,
  rule: FeedRule,
): SickEntity[] {
  const sick: SickEntity[] = []
  for (const [entity, hours] of entities) {
    const past = hours.filter(({ hourMs, rows }) => hourMs <= judgedHourMs && rows > 0)
    const run = badRun(past, rule)
    const before = past.slice(0, past.length - run.length)
    const rows = run.reduce((sum, hour) => sum + hour.rows, 0)
    if (run.length < rule.minHours || rows < rule.minRows || before.length < FEWEST_HOURS) continue
    const badBefore = before.filter((hour) => isBad(hour, rule)).length
    const longestBefore = longestRun(before, rule)
    if (badBefore / before.length > USUALLY_BAD || run.length <= longestBefore) continue
    sick.push({
      entity,
      hours: run.length,
      rows,
      bad: run.reduce((sum, hour) => sum + hour.bad, 0),
      sinceMs: run[0]!.hourMs,
      longestBefore,
      hoursBefore: before.length,
    })
  }
  return sick.sort((a, b) => b.rows - a.rows)
}

/** Whether entities that were sick have been well in their last `wellHours` hours with rows. */
export function haveHealed(
  entities: ReadonlyMap<string, readonly EntityHour[]>,
  names: readonly string[],
  {
    judgedHourMs,
    raisedMs,
    rule,
    wellHours = 2,
  }: { judgedHourMs: number; raisedMs: number; rule: FeedRule; wellHours?: number },
): boolean {
  return names.every((name) => {
    const past = (entities.get(name) ?? []).filter(
      ({ hourMs, rows }) => hourMs <= judgedHourMs && hourMs >= raisedMs && rows > 0,
    )
    const last = past.slice(-wellHours)
    return last.length === wellHours && last.every((hour) => !isBad(hour, rule))
  })
}

function badRun(hours: readonly EntityHour[], rule: FeedRule): readonly EntityHour[] {
  const lastGood = hours.findLastIndex((hour) => !isBad(hour, rule))
  return hours.slice(lastGood + 1)
}

function longestRun(hours: readonly EntityHour[], rule: FeedRule): number {
  let [longest, run] = [0, 0]
  for (const hour of hours) {
    run = isBad(hour, rule) ? run + 1 : 0
    longest = Math.max(longest, run)
  }
  return longest
}

function isBad({ rows, bad }: EntityHour, { badShare }: FeedRule): boolean {
  return bad / rows >= badShare
}
