import { describe, expect, it } from 'vitest'
import { verdictOf } from './waiting'

describe('a verdict', () => {
  it('is one of three, or is told not to be known', () => {
    expect((['broken', 'misconfigured', 'waiting', null] as const).map((verdict) => verdictOf({ verdict }).word)).toEqual(['broken', 'misconfigured', 'waiting', 'not known'])
  })
})
