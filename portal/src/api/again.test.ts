import { QueryClient, QueryObserver } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import { askAgain } from './again'

describe('what changed is asked for again', () => {
  it.each([
    ['before its first answer has come', false],
    ['after it', true],
  ])('%s', async (_, answered) => {
    const queries = new QueryClient()
    const asked: ((answer: string) => void)[] = []
    const observer = new QueryObserver<string>(queries, {
      queryKey: ['job', 'a'],
      queryFn: () => new Promise<string>((answer) => asked.push(answer)),
    })
    const leave = observer.subscribe(() => undefined)
    if (answered) {
      asked[0]?.('running')
      await expect.poll(() => observer.getCurrentResult().data).toBe('running')
    }
    void askAgain(queries, { predicate: ({ queryKey }) => queryKey[0] === 'job' })
    if (!answered) asked[0]?.('running')
    await expect.poll(() => asked.length).toBe(2)
    asked[1]?.('succeeded')
    await expect.poll(() => observer.getCurrentResult().data).toBe('succeeded')
    leave()
  })
})
