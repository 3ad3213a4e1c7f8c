import type { GrantRequest, TeamGrant } from '../api/schema'
import type { ListSearch } from '../store/list'
import type { Tone } from '../words/states'
import type { Books, ClusterStates, Explanations, Holdings, Queues, Quotas, Waste } from './documents'
import { oddities } from './holds'
import { mayBeReclaimed, waitingIn } from './queue_tree'
import { amountsOf } from './slots'

/** A number of the overview, with the list that has exactly what it counts. */
export interface Line {
  readonly key: string
  readonly number: number
  /** What the number is of, as it stands behind it. */
  readonly said: string
  /** How bad it is where it is more than none. */
  readonly tone: Tone
  readonly to: '/fleet' | '/clusters' | '/waiting' | '/queues' | '/accelerators' | '/requests' | '/policies' | '/waste'
  readonly search?: ListSearch
}

const s = (number: number, one: string, several: string) => (number === 1 ? one : several)

export function brokenFleet({ entries }: Waste): readonly Line[] {
  const { broken, closed } = amountsOf(entries)
  return [
    { key: 'broken', number: broken, said: `${s(broken, 'accelerator is', 'accelerators are')} broken`, tone: 'bad', to: '/fleet', search: { kind: 'broken' } },
    { key: 'closed', number: closed, said: 'on cordoned nodes', tone: 'wait', to: '/fleet', search: { kind: 'closed' } },
  ]
}

export function brokenClusters({ items }: ClusterStates): readonly Line[] {
  const silent = items.filter((each) => each.state === 'silent').length
  const stale = items.filter((each) => each.state === 'stale').length
  return [
    { key: 'silent', number: silent, said: `${s(silent, 'cluster', 'clusters')} never seen`, tone: 'bad', to: '/clusters', search: { kind: 'silent' } },
    { key: 'stale', number: stale, said: `${s(stale, 'cluster does', 'clusters do')} not answer`, tone: 'bad', to: '/clusters', search: { kind: 'stale' } },
  ]
}

export function brokenWork({ items }: Explanations): readonly Line[] {
  const of = (verdict: string) => items.filter((each) => each.verdict === verdict).length
  return [
    { key: 'defective', number: of('broken'), said: 'do not run by a defect', tone: 'bad', to: '/waiting', search: { by: 'broken' } },
    { key: 'misconfigured', number: of('misconfigured'), said: 'wait until somebody changes them', tone: 'wait', to: '/waiting', search: { by: 'misconfigured' } },
  ]
}

export function stoppedQueues({ items }: Queues): readonly Line[] {
  const stopped = items.filter((each) => each.stopPolicy || each.inactive).length
  return [{ key: 'stopped', number: stopped, said: `${s(stopped, 'queue admits', 'queues admit')} nothing`, tone: 'bad', to: '/queues', search: { kind: 'stopped' } }]
}

export function wasted({ entries }: Waste): readonly Line[] {
  const { idle, stranded, reserved } = amountsOf(entries)
  return [
    { key: 'idle', number: idle, said: 'accelerators held idle', tone: 'wait', to: '/fleet', search: { kind: 'idle' } },
    { key: 'stranded', number: stranded, said: 'free, but stranded', tone: 'wait', to: '/fleet', search: { kind: 'stranded' } },
    { key: 'reserved', number: reserved, said: 'reserved, and not taken', tone: 'wait', to: '/fleet', search: { kind: 'reserved' } },
  ]
}

export function oddHolds({ items }: Holdings): readonly Line[] {
  const odd = items.filter((each) => oddities(each).length).length
  return [{ key: 'odd', number: odd, said: `${s(odd, 'hold', 'holds')} past queues, or over`, tone: 'wait', to: '/accelerators', search: { kind: 'odd' } }]
}

export function alarms({ items }: Quotas): readonly Line[] {
  const near = items.filter((each) => each.alarm === 'warning' || each.alarm === 'stop').length
  return [{ key: 'alarms', number: near, said: `${s(near, 'limit is', 'limits are')} nearly full`, tone: 'wait', to: '/policies', search: { kind: 'limits' } }]
}

/** Queues that have borrowed what whoever lent it may take back, and has work that waits for it. */
export function reclaimable({ items }: Queues): readonly Line[] {
  const waiting = waitingIn(items)
  const number = items.filter((each) => mayBeReclaimed(each, waiting)).length
  return [{ key: 'reclaim', number, said: `${s(number, 'queue borrows', 'queues borrow')} while the lender waits`, tone: 'wait', to: '/queues', search: { kind: 'reclaim' } }]
}

export function findings({ findings: found }: Books): readonly Line[] {
  return [{ key: 'books', number: found.length, said: `${s(found.length, 'quota', 'quotas')} beyond the hardware`, tone: 'wait', to: '/policies', search: { kind: 'findings' } }]
}

const DAY = 86_400_000

/** Whether a grant is one of those that a number of the overview counts. */
export function isNoted(grant: TeamGrant, noted: string, now: number): boolean {
  if (noted === 'conflict') return grant.state === 'conflict'
  return noted === 'ending' && grant.state === 'active' && grant.terms.until !== null && grant.terms.until - now < DAY
}

export function ending(grants: readonly TeamGrant[], now: number): readonly Line[] {
  const conflicts = grants.filter((each) => isNoted(each, 'conflict', now)).length
  const soon = grants.filter((each) => isNoted(each, 'ending', now)).length
  return [
    { key: 'conflicts', number: conflicts, said: `${s(conflicts, 'grant', 'grants')} in conflict`, tone: 'bad', to: '/requests', search: { kind: 'conflict' } },
    { key: 'ending', number: soon, said: `${s(soon, 'grant ends', 'grants end')} within a day`, tone: 'wait', to: '/requests', search: { kind: 'ending' } },
  ]
}

/** Requests that wait for an answer: of whoever decides, or of whoever asked. */
export function openOf<R extends Pick<GrantRequest, 'state'>>(requests: readonly R[]): readonly R[] {
  return requests.filter((each) => each.state === 'waiting' || each.state === 'offered')
}

export function undecided(requests: readonly GrantRequest[]): readonly Line[] {
  const open = openOf(requests).length
  return [{ key: 'requests', number: open, said: `${s(open, 'request waits', 'requests wait')} for an answer`, tone: 'wait', to: '/requests' }]
}
