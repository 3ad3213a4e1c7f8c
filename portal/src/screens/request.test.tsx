import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import type { RequestState, ToldRequest } from '../api/schema'
import { effectWords, unknownOfNeed, unknownOfWaits } from './evidence'
import { costOf } from './outlook'
import { Sentence } from './request'

const WARNING = 'The budget of this month does not suffice.'

const told = (state: RequestState) =>
  ({
    request: { state, due: null, requester: 'ada', wish: { kind: 'gpus', team: 'nlp', subject: '' }, terms: { shares: [], taken: [], since: 0, until: null, price: null }, decisions: [{ reason: 'too much' }] },
    deciders: 'an administrator',
    warning: WARNING,
  }) as unknown as ToldRequest

describe('how a request stands', () => {
  it.each<RequestState>(['waiting', 'offered', 'denied', 'approved'])('says its warning once where it is %s', (state) => {
    const text = renderToStaticMarkup(
      <QueryClientProvider client={new QueryClient()}>
        <Sentence told={told(state)} grant={null} now={0} />
      </QueryClientProvider>,
    )
    expect(text.split(WARNING)).toHaveLength(2)
  })
})

describe('what is not known', () => {
  it.each([
    ['', '', ''],
    ['need: only work that came through this server', '', 'only work that came through this server'],
    ['east was not read; need: little', 'east was not read', 'little'],
    ['east was not read', 'east was not read', ''],
  ])('of the need says nothing of the waits of others: %s', (unknown, waits, need) => {
    expect([unknownOfWaits(unknown), unknownOfNeed(unknown)]).toEqual([waits, need])
    expect(effectWords({ effects: [], unknown })).toBe(waits ? 'Who waits longer is not known.' : 'Nobody waits longer.')
  })
})

describe('what a job costs at most', () => {
  const cost = (price: number | null, run_time: number | null) => costOf({ price, job: { run_time } } as unknown as Parameters<typeof costOf>[0], 'USD')
  it('is for the time that it may run', () => expect(cost(24_000_000, 4 * 3600)).toBe('96 USD'))
  it('is of an hour where it may run for as long as it likes', () => expect(cost(24_000_000, null)).toBe('24 USD an hour'))
  it('is not known without a price', () => expect(cost(null, 3600)).toBeNull())
})
