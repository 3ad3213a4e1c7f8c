import type { TeamGrant } from '../api/schema'
import { devicesAsked } from '../words/terms'

/** The grants of a team, which add up while each has an end of its own. */
export interface GrantStack {
  readonly team: string
  /** Devices that are given at present, all together. */
  readonly devices: number
  /** What ends first comes first; what has no end last. */
  readonly grants: readonly TeamGrant[]
}

/** Grants by team, in the order of the teams' names. */
export function stacked(grants: readonly TeamGrant[]): readonly GrantStack[] {
  const teams = [...new Set(grants.map((each) => each.team))].sort()
  return teams.map((team) => {
    const own = grants.filter((each) => each.team === team)
    return {
      team,
      devices: own.reduce((sum, each) => sum + (each.state === 'active' ? devicesAsked(each.terms) : 0), 0),
      grants: own.toSorted((one, other) => (one.terms.until ?? Number.POSITIVE_INFINITY) - (other.terms.until ?? Number.POSITIVE_INFINITY) || one.id.localeCompare(other.id)),
    }
  })
}
