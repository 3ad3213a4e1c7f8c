import { describe, expect, it } from 'vitest'
import type { TeamGrant } from '../api/schema'
import type { DeclaredTeam, QueueStanding } from './documents'
import { addressOf, amountsNow, amountsWanted, quotaRows, type QuotaRow, wishOf, wordsOf } from './quota_edit'

const team = {
  name: 'nlp',
  id: 'nlp-1',
  placements: [{ cluster: 'east', environment: '', cohort: null, accelerators: [{ flavor: 'a100', nominal: 12, borrowingLimit: 4, lendingLimit: null }] }],
} as unknown as DeclaredTeam
const grant = { id: 'r1', team: 'nlp', state: 'active', terms: { shares: [{ cluster: 'east', flavor: 'a100', devices: 4 }], taken: [] } } as unknown as TeamGrant
const queue = {
  cluster: 'east',
  clusterQueue: 'nlp-1',
  pending: 3,
  quotas: [
    { flavor: 'cpu', resource: 'cpu', nominal: 1 },
    { flavor: 'a100', resource: 'nvidia.com/gpu', nominal: 12, used: 5, borrowed: 0, lent: 0, limit: 16 },
  ],
} as unknown as QueueStanding
const row = quotaRows([team], [grant], [queue])[0] as QuotaRow

describe('the editor of quotas', () => {
  it('has what a team has of its own, beside what grants give', () => {
    expect(row.key).toBe('nlp/east/a100')
    expect(row.resource).toBe('nvidia.com/gpu')
    expect(row.pending).toBe(3)
    expect(amountsNow(row)).toEqual({ nominal: 8, borrowing: 4, lending: null })
    expect(quotaRows([team], [], [])[0]?.pending).toBeNull()
  })

  it.each([
    [{}, { nominal: 8, borrowing: 4, lending: null }, null, []],
    [{ nominal: '8', borrowing: '4', lending: 'none' }, { nominal: 8, borrowing: 4, lending: null }, null, []],
    [{ nominal: '-1', borrowing: 'x', lending: '1e3' }, { nominal: 8, borrowing: 4, lending: null }, null, []],
    [
      { nominal: '10' },
      { nominal: 10, borrowing: 4, lending: null },
      { team: 'nlp', cluster: 'east', flavor: 'a100', nominal: 10, borrowing: null, lending: null },
      ['quota:nlp-1/a100/nvidia.com/gpu=14'],
    ],
    [
      { nominal: '0', borrowing: 'none', lending: '0' },
      { nominal: 0, borrowing: null, lending: 0 },
      { team: 'nlp', cluster: 'east', flavor: 'a100', nominal: 0, borrowing: 'none', lending: '0' },
      ['quota:nlp-1/a100/nvidia.com/gpu=4', 'borrowing:nlp-1/a100/nvidia.com/gpu=none', 'lending:nlp-1/a100/nvidia.com/gpu=0'],
    ],
  ])('reads %j of the address, and says the same again', (search, wanted, wish, words) => {
    expect(amountsWanted(row, search)).toEqual(wanted)
    expect(wishOf(row, wanted)).toEqual(wish)
    expect(wordsOf(row, wanted)).toEqual(words)
    expect(amountsWanted(row, addressOf(row, wanted))).toEqual(wanted)
  })

  it('has no words for a queue that is not seen', () => {
    const unseen = quotaRows([team], [grant], [])[0] as QuotaRow
    expect(wordsOf(unseen, { nominal: 1, borrowing: null, lending: null })).toEqual([])
  })
})
