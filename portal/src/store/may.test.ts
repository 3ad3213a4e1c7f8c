import { describe, expect, it } from 'vitest'
import { mayIn } from './may'

const me = { permissions: ['read', 'stop', 'submit'], only_in: { stop: ['nlp'] } }

describe('what somebody may do with what is a team’s', () => {
  it.each([
    ['stop', 'nlp', true],
    ['stop', 'cv', false],
    ['submit', 'cv', true],
    ['decide', 'nlp', false],
  ])('%s in %s', (permission, team, may) => expect(mayIn(me, permission, team)).toBe(may))

  it('nothing before it was told who it is', () => expect(mayIn(undefined, 'read', 'nlp')).toBe(false))
})
