import { describe, expect, it } from 'vitest'
import { partsOf } from './sentence_parts'

describe('a sentence of the server', () => {
  it('has its commands and moments apart', () => {
    expect(partsOf('On 2026-12-03T05:59:03Z it ends: `allot extend g1`.')).toEqual([
      { kind: 'text', text: 'On ' },
      { kind: 'moment', at: Date.UTC(2026, 11, 3, 5, 59, 3) },
      { kind: 'text', text: ' it ends: ' },
      { kind: 'code', text: 'allot extend g1' },
      { kind: 'text', text: '.' },
    ])
  })

  it.each(['', 'a lone ` stays', 'nor is 2026-13-99T99:99:99Z a moment', '<b>`'])('is left as it is without them: %s', (sentence) => {
    expect(partsOf(sentence)).toEqual(sentence ? [{ kind: 'text', text: sentence }] : [])
  })
})
