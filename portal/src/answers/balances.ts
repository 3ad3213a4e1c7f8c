import type { GrantPace, TeamBalance } from '../api/schema'

/** Part of a budget, or of a time, from which on it is amber. */
export const LATE = 0.85

/** How far somebody is with something, beside how much of its time has passed; parts of 1, and above it. */
export interface Pace {
  /** Null where nobody knows. */
  readonly used: number | null
  /** Null where there is no end. */
  readonly passed: number | null
}

/** A month's budget: what jobs and grants have used of it beside the days that have passed; null where none is declared. */
export function budgetPace(of: TeamBalance, now: number): Pace | null {
  if (of.budget === null) return null
  const passed = Math.min(1, Math.max(0, (now - of.start) / (of.end - of.start)))
  if (of.left === null) return { used: null, passed }
  const used = of.budget - of.left
  return { used: of.budget > 0 ? used / of.budget : used > 0 ? 1 : 0, passed }
}

/** A grant: what was used of what it has given so far, beside the time that has passed of it. */
export function grantPace(of: GrantPace, now: number): Pace {
  const passed = of.until === null ? null : Math.min(1, Math.max(0, (now - of.since) / Math.max(1, of.until - of.since)))
  return { used: of.used === null || of.given === 0 ? null : of.used / of.given, passed }
}

/** Whether somebody has to look: a budget that is used, or a time that is over, but for the last part of it. */
export function isLateBudget(pace: Pace | null): boolean {
  return pace !== null && pace.used !== null && pace.used >= LATE
}

export function isLateGrant(pace: Pace): boolean {
  return pace.passed !== null && pace.passed >= LATE
}

/** What somebody watches in the top bar: his own teams; of all teams those alone that are late. */
export function watched(balances: readonly TeamBalance[], own: readonly string[], now: number): readonly TeamBalance[] {
  if (own.length) return balances.filter((each) => own.includes(each.team) && (each.budget !== null || each.grants.length > 0))
  return balances.filter((each) => isLateBudget(budgetPace(each, now)) || each.grants.some((grant) => isLateGrant(grantPace(grant, now))))
}
