import { describe, expect, it } from 'vitest'
import { alongChain, linesOf } from './audit_chain'

/** As `allot audit export` wrote them: one with letters beyond ASCII, and half of a pair. */
const TRAIL = [
  String.raw`{"number": 1, "atMilliseconds": 1795000000000, "who": "ada", "callerKind": "user", "from": "10.0.0.5", "verb": "job.submit", "outcome": "done", "subject": "job/j1", "name": "train", "team": "nlp", "why": "", "details": [{"name": "gpus", "value": "4"}], "previous": "1c273187c5a55d2dac45df3f49b7b5618a5bf2fd6ef8929575498cd2464f04ba", "digest": "9b2e68a6af20a43aa18c724d7827f5cd7884404a5fab736a2344e86fa8ac969b"}`,
  String.raw`{"number": 2, "atMilliseconds": 1795000000001, "who": "b\u00f6b", "callerKind": "user", "from": "10.0.0.5", "verb": "job.stop", "outcome": "denied", "subject": "job/j1", "name": "\u2028 \ud800x", "team": "nlp", "why": "", "details": [{"name": "gpus", "value": "4"}], "previous": "9b2e68a6af20a43aa18c724d7827f5cd7884404a5fab736a2344e86fa8ac969b", "digest": "5c89a1dc54d8033221246b845e322dbb5edb5e57c36adbab35c8fced52b2f70e"}`,
  String.raw`{"number": 3, "atMilliseconds": 1795000000002, "who": "eve", "callerKind": "user", "from": "10.0.0.5", "verb": "grant.end", "outcome": "done", "subject": "job/j1", "name": "", "team": "nlp", "why": "", "details": [{"name": "gpus", "value": "4"}], "previous": "5c89a1dc54d8033221246b845e322dbb5edb5e57c36adbab35c8fced52b2f70e", "digest": "d76accac3464e0c9fd16775c297b03b9c363dcc1beb6da1e49597629fa590c69"}`,
] as const

async function* given(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

const HEAD = { number: 3, digest: 'd76accac3464e0c9fd16775c297b03b9c363dcc1beb6da1e49597629fa590c69' }
const along = (lines: readonly string[], head = HEAD) => alongChain(given(lines), head, () => {})

describe('the chain of the audit trail', () => {
  it('is whole as the server wrote it', async () => {
    const found = await along(TRAIL)
    expect(found).toEqual({ entries: 3, digest: 'd76accac3464e0c9fd16775c297b03b9c363dcc1beb6da1e49597629fa590c69', breaks: [] })
    expect(await along([], { number: 0, digest: 'of nothing' })).toEqual({ entries: 0, digest: '', breaks: [] })
  })

  it.each([
    ['who did it', TRAIL.map((each) => each.replace('eve', 'eva')), [{ number: 3, said: 'it is not as it was written' }]],
    ['that an act was denied', TRAIL.map((each) => each.replace('denied', 'done')), [{ number: 2, said: 'it is not as it was written' }]],
    ['that there was an act', [TRAIL[0], TRAIL[2]], [{ number: 3, said: 'entry 2 is missing' }]],
    ['its beginning', TRAIL.slice(1), [{ number: 2, said: 'entry 1 is missing' }]],
    ['what follows what', TRAIL.map((each) => each.replace('"previous": "9b2e', '"previous": "9b2f')), [{ number: 2, said: 'it does not follow the entry before it' }]],
    ['what cannot be read', [TRAIL[0], '{"number": 2, "damaged": "it has no digest"}', TRAIL[2]], [{ number: 2, said: 'it has no digest' }]],
  ])('shows a change of %s', async (_, lines, breaks) => {
    expect((await along(lines)).breaks).toEqual(breaks)
  })

  it('leads through its head', async () => {
    expect((await along(TRAIL.slice(0, 2))).breaks).toEqual([{ number: 3, said: 'it ends here, and its head was entry 3' }])
    expect((await along(TRAIL, { number: 2, digest: 'another' })).breaks).toEqual([{ number: 2, said: 'its head was another when this began' }])
  })

  it('comes in parts that end anywhere', async () => {
    const found: string[] = []
    for await (const line of linesOf(given(['{"a":', '1}\n{"b":2}\n', '\n{"c":3}']))) found.push(line)
    expect(found).toEqual(['{"a":1}', '{"b":2}', '{"c":3}'])
  })
})
