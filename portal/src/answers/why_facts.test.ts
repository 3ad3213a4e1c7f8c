import { describe, expect, it } from 'vitest'
import type { Evidence } from './why'
import { factsSaid, nodesNamed, screenOf, valueSaid } from './why_facts'

const read = (kind: string, name: string, value: unknown = null): Evidence => ({ object: { kind, name }, field: 'status', value, says: '' })

describe('what is known of a cause', () => {
  it.each<[unknown, string, string]>([
    [31_204, 'asked', '31,204'],
    [31_204, 'host_port', '31204'],
    [false, 'held', 'no'],
    [{ 'a100-spot': 1200, h100: 2 }, 'per_flavor', 'a100-spot 1,200, h100 2'],
    [['a', 'b'], 'nodes', 'a, b'],
    [[], 'lenders', ''],
    [null, 'reason', ''],
    ['<b>x</b>', 'message', '<b>x</b>'],
  ])('%j of %s is said as %s', (value, name, said) => expect(valueSaid(value, name)).toBe(said))

  it('is told with names in words, and nothing of what is none', () => {
    const facts = { asked: 8, free: 3, per_flavor: { t4: 1 }, lenders: [], reason: null, message: 'no space left' }
    expect(factsSaid({ facts, evidence: [] })).toEqual([['asked', '8'], ['free', '3'], ['per flavor', 't4 1'], ['message', 'no space left']])
    // The same sentence is not told twice.
    expect(factsSaid({ facts: { message: 'no space left' }, evidence: [read('Pod', 'p', 'no space left')] })).toEqual([])
  })

  it('names its nodes once', () => {
    expect(nodesNamed({ facts: { node: 'gpu-7', nodes_to_mend: ['gpu-7', 'gpu-8'] }, evidence: [read('Node', 'gpu-9'), read('Pod', 'p')] })).toEqual(['gpu-7', 'gpu-8', 'gpu-9'])
    expect(nodesNamed({ facts: { node: null, free: 3 }, evidence: [] })).toEqual([])
  })

  it('leads to the very node, queue or flavor', () => {
    expect(screenOf(read('Node', 'gpu-7'), 'east')).toEqual({ to: '/fleet', search: { q: 'gpu-7', cluster: 'east', node: 'east/gpu-7' } })
    expect(screenOf(read('ClusterQueue', 'nlp'), null)).toEqual({ to: '/queues', search: { q: 'nlp' } })
    expect(screenOf(read('ResourceFlavor', 'a100'), 'east')).toEqual({ to: '/queues', search: { accelerator: 'a100', cluster: 'east' } })
    expect(screenOf(read('Pod', 'p'), 'east')).toBeNull()
  })
})
