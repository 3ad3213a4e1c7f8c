import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { logOf } from '../store/log_blocks'
import { call, patience } from './client'
import { asTrouble } from './problem'

/** What the server does with each question, and after how many milliseconds. */
type Done = readonly [ms: number, status: number | 'hangs']

const asked = vi.fn<() => void>()

function server(...all: readonly Done[]): void {
  const left = [...all]
  vi.stubGlobal('fetch', (_: string, { signal }: { signal: AbortSignal }) => {
    asked()
    const [ms, status] = (left.length > 1 ? left.shift() : left[0]) as Done
    return new Promise<Response>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      if (status !== 'hangs') setTimeout(() => resolve(new Response('{"status": {}}', { status })), ms)
    })
  })
}

/** How a question ended, and after how many milliseconds. */
async function outcome(of: Promise<unknown>): Promise<readonly [string, number]> {
  const began = Date.now()
  const end = of.then(() => ['told', Date.now() - began] as const, (error: unknown) => [asTrouble(error).what, Date.now() - began] as const)
  await vi.runAllTimersAsync()
  return end
}

const status = (more = {}) => call('get', '/api/v1/status', more)
const LATE = 'the server has not answered in time'

describe('what is asked of the server', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    asked.mockClear()
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const end = new AbortController()
      setTimeout(() => end.abort(new DOMException('', 'TimeoutError')), ms)
      return end.signal
    })
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
    vi.unstubAllGlobals()
  })

  it.each<[string, readonly Done[], string, number, number]>([
    ['hangs', [[0, 'hangs']], LATE, 15_000, 1],
    ['comes to itself', [[10, 503], [10, 503], [10, 200]], 'told', 3030, 3],
    ['stays ill', [[10, 503]], 'nothing', 3030, 3],
    ['is ill slowly', [[9000, 503]], LATE, 15_000, 2],
    ['is ill at the last moment', [[14_500, 503]], 'nothing', 15_000, 1],
    ['is ill, and hangs then', [[10, 500], [0, 'hangs']], LATE, 15_000, 2],
    ['refuses it', [[10, 409]], 'nothing', 10, 1],
  ])('of one that %s ends within 15 s', async (_, does, what, ms, times) => {
    server(...does)
    const [said, took] = await outcome(status())
    expect(said === 'told' || said === LATE ? said : 'nothing').toBe(what)
    expect(took).toBe(ms)
    expect(asked).toHaveBeenCalledTimes(times)
  })

  it('is asked a single time where that is wished, and wherever it changes anything', async () => {
    server([10, 503])
    await outcome(status({ once: true }))
    await outcome(call('post', '/api/v1/jobs/{reference}/stop', { path: { reference: 'a' } }))
    expect(asked).toHaveBeenCalledTimes(2)
  })

  it('has one patience for all pages of a list', async () => {
    server([8000, 200])
    const together = patience()
    const pages = async () => [await status({ patience: together }), await status({ patience: together })]
    expect(await outcome(pages())).toEqual([LATE, 15_000])
  })

  it('has a log begin within 15 s, and follows it for as long as it goes on', async () => {
    server([0, 'hangs'])
    expect(await outcome(logOf('a', {}, null))).toEqual([LATE, 15_000])
    let ended: AbortSignal | undefined
    vi.stubGlobal('fetch', async (_: string, { signal }: { signal: AbortSignal }) => ((ended = signal), new Response('')))
    await logOf('a', {}, null)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(ended?.aborted).toBe(false)
  })
})
