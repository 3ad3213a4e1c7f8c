import type { QuotaWish, TeamGrant } from '../api/schema'
import type { ListSearch } from '../store/list'
import type { Allowance, DeclaredTeam, QueueStanding } from './documents'
import { isDevice } from './queue_tree'
import { type QuotaTerms, termsOf } from './quota_terms'

/** How a bound that does not bind is written, as on the command line. */
export const NO_BOUND = 'none'

/** What a team has of one flavor in one cluster. */
export interface QuotaRow {
  readonly key: string
  readonly team: DeclaredTeam
  readonly terms: QuotaTerms
  readonly declared: Allowance
  /** Name of the devices in the cluster; empty where its queue is not seen. */
  readonly resource: string
  /** Workloads that wait in its queue; null where that is not seen. */
  readonly pending: number | null
}

export function quotaRows(teams: readonly DeclaredTeam[], grants: readonly TeamGrant[], queues: readonly QueueStanding[]): readonly QuotaRow[] {
  return teams.flatMap((team) =>
    termsOf(team, grants, queues).map((terms): QuotaRow => {
      const standing = queues.find((each) => each.cluster === terms.cluster && each.clusterQueue === terms.queue)
      const use = standing?.quotas.find((each) => each.flavor === terms.flavor && isDevice(each.resource))
      const place = team.placements.find((each) => each.cluster === terms.cluster)
      const declared = place?.accelerators.find((each) => each.flavor === terms.flavor) ?? { nominal: terms.guaranteed, borrowingLimit: null, lendingLimit: null }
      return {
        key: `${team.name}/${terms.cluster}/${terms.flavor}`,
        team,
        terms,
        declared,
        resource: use?.resource ?? '',
        pending: standing ? standing.pending : null,
      }
    }),
  )
}

/** Amounts that somebody sets: devices of its own, and bounds; null for no bound. */
export interface Amounts {
  readonly nominal: number
  readonly borrowing: number | null
  readonly lending: number | null
}

/** As they are now: without what grants give. */
export function amountsNow({ terms, declared }: QuotaRow): Amounts {
  return { nominal: terms.own, borrowing: declared.borrowingLimit, lending: declared.lendingLimit }
}

/** As the address says; what it does not say, or says wrongly, is as it is now. */
export function amountsWanted(row: QuotaRow, search: Pick<ListSearch, 'nominal' | 'borrowing' | 'lending'>): Amounts {
  const now = amountsNow(row)
  const number = (text: string | undefined) => (text !== undefined && /^\d{1,8}$/.test(text) ? Number(text) : undefined)
  const bound = (text: string | undefined, usual: number | null) => (text === NO_BOUND ? null : (number(text) ?? usual))
  return {
    nominal: number(search.nominal) ?? now.nominal,
    borrowing: bound(search.borrowing, now.borrowing),
    lending: bound(search.lending, now.lending),
  }
}

/** How an address says them: only what is to be another. */
export function addressOf(row: QuotaRow, wanted: Amounts): Pick<ListSearch, 'nominal' | 'borrowing' | 'lending'> {
  const now = amountsNow(row)
  const text = (value: number | null) => (value === null ? NO_BOUND : String(value))
  return {
    nominal: wanted.nominal === now.nominal ? '' : String(wanted.nominal),
    borrowing: wanted.borrowing === now.borrowing ? '' : text(wanted.borrowing),
    lending: wanted.lending === now.lending ? '' : text(wanted.lending),
  }
}

/** The change for the platform directory; null where nothing is to be another. */
export function wishOf(row: QuotaRow, wanted: Amounts): QuotaWish | null {
  const { nominal, borrowing, lending } = addressOf(row, wanted)
  if (!nominal && !borrowing && !lending) return null
  return {
    team: row.team.name,
    cluster: row.terms.cluster,
    flavor: row.terms.flavor,
    nominal: nominal ? wanted.nominal : null,
    borrowing: borrowing || null,
    lending: lending || null,
  }
}

/** The same for the twins of the cluster: there grants are in what is guaranteed. */
export function wordsOf(row: QuotaRow, wanted: Amounts): readonly string[] {
  const { nominal, borrowing, lending } = addressOf(row, wanted)
  if (!row.resource) return []
  const place = `${row.terms.queue}/${row.terms.flavor}/${row.resource}`
  const guaranteed = row.terms.nominal ?? row.terms.guaranteed
  return [
    ...(nominal ? [`quota:${place}=${Math.max(0, guaranteed + wanted.nominal - row.terms.own)}`] : []),
    ...(borrowing ? [`borrowing:${place}=${borrowing}`] : []),
    ...(lending ? [`lending:${place}=${lending}`] : []),
  ]
}
