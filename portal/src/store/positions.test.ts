import { describe, expect, it } from 'vitest'
import { explained } from './positions'

describe('why a job stands elsewhere in its queue', () => {
  it.each([
    [3, 5, ['big', 'bigger'], [], '2 jobs of a higher rung came: big, bigger'],
    [3, 5, ['big'], [], '2 jobs of a higher rung came: big and others'],
    [3, 4, [], [], '1 job of a higher rung came'],
    [3, 4, ['a', 'b'], [], '1 job of a higher rung came'],
    [3, 2, [], ['one'], '1 job before it has started or ended: one'],
    [9, 4, [], ['a', 'b', 'c', 'd', 'e'], '5 jobs before it have started or ended: a, b, c and others'],
  ])('%i to %i', (before, after, came, left, said) => expect(explained(before, after, came, left)).toBe(said))
})
