import type { TeamGrant } from '../api/schema'
import type { DeclaredTeam, QueueStanding } from './documents'
import { isDevice } from './queue_tree'
import { termsOf } from './quota_terms'

/** The end of a grant as changes of one cluster that its twins take; null where it cannot be tried. */
export interface GrantEnd {
  readonly cluster: string
  readonly changes: readonly string[]
}

/** What is guaranteed without what the grant gives; the grant is to be given at present. */
export function grantEnd(grant: TeamGrant, teams: readonly DeclaredTeam[], grants: readonly TeamGrant[], queues: readonly QueueStanding[]): GrantEnd | null {
  const team = teams.find((each) => each.name === grant.team)
  const [cluster, ...others] = [...new Set(grant.terms.shares.map((each) => each.cluster))]
  if (!team || cluster === undefined || others.length || grant.state !== 'active') return null
  const terms = termsOf(team, grants, queues).filter((each) => each.cluster === cluster)
  const changes = grant.terms.shares.map(({ flavor, devices }) => {
    const at = terms.find((each) => each.flavor === flavor)
    const standing = queues.find((each) => each.cluster === cluster && each.clusterQueue === at?.queue)
    const resource = standing?.quotas.find((each) => each.flavor === flavor && isDevice(each.resource))?.resource
    return at?.nominal == null || !resource ? null : `quota:${at.queue}/${flavor}/${resource}=${Math.max(0, at.nominal - devices)}`
  })
  return changes.every((each) => each !== null) ? { cluster, changes: changes.filter((each) => each !== null) } : null
}
