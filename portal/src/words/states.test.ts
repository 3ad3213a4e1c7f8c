import { describe, expect, it } from 'vitest'
import type { JobState } from '../api/schema'
import { ranSince } from './states'

describe('how long a job has run', () => {
  it.each<[JobState, number | null, number | null]>([
    ['running', 5, 5],
    ['succeeded', 5, 5],
    ['stopped', null, null],
    ['queued', null, null],
    ['queued', 5, null],
    ['starting', 5, null],
  ])('of one that is %s and last began at %s counts from %s', (state, started, since) => {
    expect(ranSince({ state, started })).toBe(since)
  })
})
