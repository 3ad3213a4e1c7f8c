import { describe, expect, it } from 'vitest'
import { acceleratorsOf, teamAsked, teamCommand } from './onboarding'

describe('a team that is asked for', () => {
  it.each([
    ['a100=4, t4:spot=2', [['a100', 4], ['t4:spot', 2]]],
    ['', []],
    ['a100', null],
    ['a100=x', null],
  ])('reads %s', (text, found) => expect(acceleratorsOf(text)).toEqual(found))

  it('is nothing without a name, or with an amount that is none', () => {
    expect(teamAsked({}, 'why')).toBeNull()
    expect(teamAsked({ name: 'vision', budget: 'much' }, 'why')).toBeNull()
    expect(teamAsked({ name: 'vision', accelerators: 'many' }, 'why')).toBeNull()
  })
  it('has its budget in millionths, and the usual amounts where none are said', () => {
    const asked = teamAsked({ name: 'vision', budget: '1500.5', members: 'a b' }, 'why')?.new_team
    expect(asked).toMatchObject({ budget: 1_500_500_000, cpu: '64', memory: '256Gi', members: ['a', 'b'] })
  })
  it('is the same as a command', () => {
    expect(teamCommand({ name: 'vision', owners: 'leads', on: 'east,west', accelerators: 'a100=2', budget: '5' }, "it's new")).toBe(
      "allot request team vision --owner leads --on east --on west --accelerator a100=2 --budget 5 --why 'it'\\''s new'",
    )
  })
})
