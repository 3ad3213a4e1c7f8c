import type { TeamGrant } from '../api/schema'
import type { DeclaredTeam, QueueStanding } from './documents'
import { isDevice } from './queue_tree'

/** States of grants whose documents stand in the platform directory, so that what is declared has them in it. */
const COUNTS = new Set<TeamGrant['state']>(['active', 'taking-back'])

export interface GrantTerm {
  readonly grant: TeamGrant
  /** Devices that it gives, or takes where it is another team's. */
  readonly devices: number
}

/**
 * How much of a flavor a team has left, term by term: own + granted − taken + borrowed − used. What is not known is null,
 * and then there is no sum.
 */
export interface QuotaTerms {
  readonly cluster: string
  readonly flavor: string
  readonly queue: string
  /** What the team has without any grant. */
  readonly own: number
  readonly grants: readonly GrantTerm[]
  readonly taken: readonly GrantTerm[]
  /** Own and granted, less what was taken; what is declared has the grants in it that are given. */
  readonly guaranteed: number
  /** What the cluster says is guaranteed; null where its queue is not seen. */
  readonly nominal: number | null
  readonly borrowed: number | null
  readonly lent: number | null
  readonly used: number | null
  /** Guaranteed and borrowed, less what is used. */
  readonly left: number | null
  /** What the team could have besides, by borrowing. */
  readonly limit: number | null
}

export function termsOf(
  team: DeclaredTeam,
  grants: readonly TeamGrant[],
  queues: readonly QueueStanding[],
): readonly QuotaTerms[] {
  const counting = grants.filter((each) => COUNTS.has(each.state))
  return team.placements.flatMap((placement) =>
    placement.accelerators.map((declared): QuotaTerms => {
      const { flavor, nominal: guaranteed } = declared
      const { cluster } = placement
      const given = counting
        .filter((each) => each.team === team.name)
        .map((grant) => ({ grant, devices: devicesOf(grant.terms.shares, cluster, flavor) }))
        .filter((each) => each.devices > 0)
      const taken = counting
        .filter((each) => each.team !== team.name)
        .map((grant) => ({ grant, devices: takenOf(grant, team.name, cluster, flavor) }))
        .filter((each) => each.devices > 0)
      const standing = queueOf(team, cluster, queues)
      const use = standing?.quotas.find((each) => each.flavor === flavor && isDevice(each.resource))
      return {
        cluster,
        flavor,
        queue: standing?.clusterQueue ?? '',
        own: guaranteed - sumOf(given) + sumOf(taken),
        grants: given,
        taken,
        guaranteed,
        nominal: use?.nominal ?? null,
        borrowed: use?.borrowed ?? null,
        lent: use?.lent ?? null,
        used: use?.used ?? null,
        left: use ? guaranteed + use.borrowed - use.used : null,
        limit: use?.limit ?? null,
      }
    }),
  )
}

function sumOf(terms: readonly GrantTerm[]): number {
  return terms.reduce((sum, each) => sum + each.devices, 0)
}

interface Share {
  readonly cluster: string
  readonly flavor: string
  readonly devices: number
}

function devicesOf(shares: readonly Share[], cluster: string, flavor: string): number {
  return shares.reduce((sum, each) => sum + (each.cluster === cluster && each.flavor === flavor ? each.devices : 0), 0)
}

function takenOf(grant: TeamGrant, team: string, cluster: string, flavor: string): number {
  return grant.terms.taken.reduce(
    (sum, each) => sum + (each.team === team ? devicesOf([each.share], cluster, flavor) : 0),
    0,
  )
}

/** A team's queue in a cluster is called as the team is there: by its id. */
function queueOf(team: DeclaredTeam, cluster: string, queues: readonly QueueStanding[]): QueueStanding | undefined {
  return queues.find((each) => each.cluster === cluster && (each.clusterQueue === team.id || each.clusterQueue === team.name))
}
