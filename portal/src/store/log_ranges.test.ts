import { afterEach, describe, expect, it, vi } from 'vitest'
import { countLines, type LogHits, searchLog } from './log_ranges'

const ALL = Array.from({ length: 3000 }, (_, number) => `${number % 1000 === 7 ? 'ERROR' : 'INFO'} Line ${number}`).flatMap((each) => (each.startsWith('ERROR') ? [each, '  at stack'] : [each]))
/** Lines of a block. */
const TOGETHER = 500

/** As the server does: 1000 lines are looked at in a call. */
function answer(address: string): Response {
  const url = new URL(address, 'http://here')
  const of = (name: string) => url.searchParams.get(name)
  if (url.pathname.endsWith('/log')) {
    const blocks = Array.from({ length: Math.ceil(ALL.length / TOGETHER) }, (_, at) => JSON.stringify({ rank: 0, text: btoa(ALL.slice(at * TOGETHER, (at + 1) * TOGETHER).join('\n')) }))
    return new Response([...blocks, '[]', ''].join('\n'))
  }
  const from = Number(of('from'))
  const to = Math.min(from + 1000, ALL.length)
  const grep = of('grep')?.toLowerCase() ?? ''
  const lines = ALL.flatMap((text, number) => (number >= from && number < to && text.toLowerCase().includes(grep) ? [{ number, rank: 0, at: null, text }] : []))
  return Response.json({ version: 1, found: { lines, matches: lines.length, looked_at: to - from, next: to < ALL.length ? to : null } })
}

afterEach(() => vi.unstubAllGlobals())

async function found(wanted: Parameters<typeof searchLog>[1]): Promise<{ last: LogHits | undefined; asked: readonly string[] }> {
  const asked: string[] = []
  vi.stubGlobal('fetch', (address: string) => {
    asked.push(address)
    return Promise.resolve(answer(address))
  })
  let last: LogHits | undefined
  for await (const each of searchLog('x', wanted, new AbortController().signal)) last = each
  return { last, asked }
}

describe('all of a log', () => {
  it('is counted call by call', async () => {
    vi.stubGlobal('fetch', (address: string) => Promise.resolve(answer(address)))
    expect(await countLines('x')).toBe(ALL.length)
  })

  it('is looked through for a text by the server, whatever its case', async () => {
    const { last, asked } = await found({ text: 'line 2007', pattern: null, level: null })
    expect(last?.lines.map((each) => [each.number, each.text])).toEqual([[2009, 'ERROR Line 2007']])
    expect([last?.lookedAt, last?.over]).toEqual([ALL.length, true])
    expect(asked.every((each) => each.includes('/lines?') && each.includes('any_case=true'))).toBe(true)
  })

  it('is looked through for a regular expression', async () => {
    const { last } = await found({ text: '', pattern: /line (8|2008)$/i, level: null })
    expect(last?.lines.map((each) => each.number)).toEqual([9, 2011])
    expect([last?.lookedAt, last?.over]).toEqual([ALL.length, true])
  })

  it('is looked through for a level, with what goes with it', async () => {
    const { last } = await found({ text: '', pattern: null, level: 'error' })
    expect(last?.lines.map((each) => each.number)).toEqual([7, 8, 1008, 1009, 2009, 2010])
  })
})
