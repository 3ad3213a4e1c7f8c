import { describe, expect, it } from 'vitest'
import type { RequestState } from '../api/schema'
import { ownQuotas, ownRequests, ownViews } from './own'
import type { QuotaRow } from './quota_edit'

const quota = (team: string, key: string, used: number | null, guaranteed: number) =>
  ({ key, team: { name: team }, terms: { used, guaranteed } }) as unknown as QuotaRow

describe('what is somebody’s own', () => {
  it.each([
    [[], [undefined]],
    [['member of nlp'], [undefined]],
    [['member of nlp', 'owner of cv'], ['nlp', 'cv']],
    [['member of nlp', 'owner of cv', 'admin'], [undefined]],
  ])('is seen by whoever is %j through %j', (roles, views) => expect(ownViews({ roles })).toEqual(views))

  const rows = [quota('nlp', 'a', 2, 8), quota('nlp', 'b', 8, 8), quota('cv', 'c', 9, 8), quota('nlp', 'd', null, 8), quota('nlp', 'e', 1, 0)]

  it('are the quotas of his teams, the fullest first', () => {
    expect(ownQuotas(rows, ['nlp']).map((each) => each.key)).toEqual(['e', 'b', 'a', 'd'])
  })

  it('are all quotas where he is of no team', () => {
    expect(ownQuotas(rows, []).map((each) => each.key)).toEqual(['e', 'c', 'b', 'a', 'd'])
  })

  it('are his requests, those that wait before those that were decided', () => {
    const asked = (id: string, requester: string, state: RequestState, created: number) => ({ id, requester, state, created })
    const found = ownRequests(
      [asked('a', 'ada', 'denied', 9), asked('b', 'ada', 'waiting', 1), asked('c', 'bob', 'waiting', 8), asked('d', 'ada', 'offered', 2), asked('e', 'ada', 'approved', 3)],
      'ada',
    )
    expect(found.map((each) => each.id)).toEqual(['d', 'b', 'a', 'e'])
  })
})
