import type { GrantRequest, Visitor } from '../api/schema'
import { openOf } from './overview'
import type { QuotaRow } from './quota_edit'

/** Teams that somebody is of, as his roles say. */
export function teamsOf(roles: readonly string[]): readonly string[] {
  return [...new Set(roles.flatMap((each) => / of (.+)$/.exec(each)?.[1] ?? []))]
}

/**
 * With whose eyes somebody has to look to see all that is his: those who are of several teams and nothing besides have
 * to name one at a time, all others look once.
 */
export function ownViews(me: Pick<Visitor, 'roles'> | undefined): readonly (string | undefined)[] {
  const roles = me?.roles ?? []
  const teams = teamsOf(roles)
  return teams.length > 1 && roles.every((each) => / of /.test(each)) ? teams : [undefined]
}

/** Quotas of somebody's teams, or of all where he is of none; the fullest first, those that are not seen last. */
export function ownQuotas(rows: readonly QuotaRow[], own: readonly string[]): readonly QuotaRow[] {
  const fullness = ({ terms }: QuotaRow) => (terms.used === null ? -1 : terms.guaranteed ? terms.used / terms.guaranteed : terms.used > 0 ? Number.POSITIVE_INFINITY : 0)
  const wanted = own.length ? rows.filter((each) => own.includes(each.team.name)) : rows
  return [...wanted].sort((a, b) => fullness(b) - fullness(a) || (a.key < b.key ? -1 : 1))
}

/** What somebody asked for: what waits for an answer first, then the newest. */
export function ownRequests<R extends Pick<GrantRequest, 'id' | 'state' | 'requester' | 'created'>>(rows: readonly R[], name: string): readonly R[] {
  const mine = rows.filter((each) => each.requester === name)
  const open = new Set(openOf(mine).map((each) => each.id))
  return mine.sort((a, b) => Number(open.has(b.id)) - Number(open.has(a.id)) || b.created - a.created)
}
