import { describe, expect, it } from 'vitest'
import type { ClusterDrift, DriftField } from './documents'
import { differenceOf, differing, driftRows, linesOf } from './drift_lines'

const field = (more: Partial<DriftField>): DriftField => ({ field: 'spec.x', by: '', since: '', ...more })
const said = (lines: ReturnType<typeof linesOf>) => lines.map((each) => `${{ live: '-', declared: '+', both: ' ' }[each.side]}${each.text}`)

describe('a field as a difference', () => {
  it.each<[string, Partial<DriftField>, string[]]>([
    ['a number', { live: 4, declared: 8 }, ['-4', '+8']],
    ['what is missing', { declared: 'None' }, ['+"None"']],
    ['what is not declared', { live: true }, ['-true']],
    ['what is the same and not ours', { live: 'x', declared: 'x' }, [' "x"']],
    ['nothing at all', { live: null, declared: [] }, ['-null', '+[]']],
    ['a list', { live: ['a', 'c'], declared: ['a', 'b', 'c'] }, [' [', '   "a",', '+  "b",', '   "c"', ' ]']],
    ['a mapping', { live: { cpu: '4' }, declared: { cpu: '8' } }, [' {', '-  "cpu": "4"', '+  "cpu": "8"', ' }']],
  ])('%s', (_, more, lines) => {
    expect(said(linesOf(field(more)))).toEqual(lines)
  })

  it('keeps both sides whole and in order, however they differ', () => {
    const one = ['a', 'b', 'a', 'c', 'd']
    const other = ['b', 'c', 'a', 'd', 'd']
    const lines = differenceOf(one, other)
    expect(lines.filter((each) => each.side !== 'declared').map((each) => each.text)).toEqual(one)
    expect(lines.filter((each) => each.side !== 'live').map((each) => each.text)).toEqual(other)
    expect(lines.filter((each) => each.side === 'both')).toHaveLength(3)
  })

  it('does not compare what is very long', () => {
    const long = Array.from({ length: 500 }, (_, number) => `${number}`)
    expect(differenceOf(long, long)).toHaveLength(1000)
  })
})

const drifted: ClusterDrift = {
  name: 'east',
  state: 'drifted',
  observedAt: '2027-01-11T09:30:00Z',
  error: null,
  refused: [],
  notes: [],
  notLookedAt: [],
  objects: [
    {
      drift: 'changed',
      object: { group: 'kueue.x-k8s.io', kind: 'ClusterQueue', namespace: '', name: 'nlp' },
      message: '',
      fields: [
        field({ by: 'kubectl-edit', since: '2027-01-11T08:00:00Z' }),
        field({ by: 'kubectl-edit', since: '2027-01-11T09:00:00Z' }),
        field({}),
      ],
    },
    { drift: 'kept', object: { group: '', kind: 'Namespace', namespace: '', name: 'old' }, message: 'left', fields: [] },
  ],
}

describe('what drifted', () => {
  it('names who wrote last, and what counts', () => {
    const [first, second] = driftRows([drifted])
    expect(first?.by).toEqual(['kubectl-edit'])
    expect(first?.since).toBe(Date.parse('2027-01-11T09:00:00Z'))
    expect(second?.since).toBeNull()
    expect(new Set([first?.key, second?.key]).size).toBe(2)
    expect(differing(drifted.objects)).toBe(1)
  })
})
