import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'
import type { RequestState, ToldRequest } from '../api/schema'
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
