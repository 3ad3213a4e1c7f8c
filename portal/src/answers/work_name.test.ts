import { describe, expect, it } from 'vitest'
import { withoutName, workNamed } from './work_name'

describe('what was submitted', () => {
  it.each([
    ['Job/train-nlp-1--j4j725tt5d3', { kind: 'Job', name: 'train-nlp-1', job: 'j4j725tt5d3' }],
    ['train--j7k2m', { kind: '', name: 'train', job: 'j7k2m' }],
    ['Pod/hand-made', { kind: 'Pod', name: 'hand-made', job: null }],
    ['JobSet/sweep--phase-2', { kind: 'JobSet', name: 'sweep--phase-2', job: null }],
    ['Job/x-a-name-that-was-hashed-abc', { kind: 'Job', name: 'x-a-name-that-was-hashed-abc', job: null }],
    ['Job/', { kind: 'Job', name: '', job: null }],
    ['', { kind: '', name: '', job: null }],
  ])('is taken apart: %s', (said, parts) => {
    expect(workNamed(said)).toEqual(parts)
  })

  it('is not named again by a sentence on it', () => {
    expect(withoutName('the Job a--j1 failed 3 times', 'Job', 'a--j1')).toBe('failed 3 times')
    expect(withoutName('a--j1 can preempt b--j2', 'Job', 'a--j1')).toBe('can preempt b--j2')
    expect(withoutName('b--j2 can preempt a--j1', 'Job', 'a--j1')).toBe('b--j2 can preempt a--j1')
    expect(withoutName('the Job a--j12 failed', 'Job', 'a--j1')).toBe('the Job a--j12 failed')
  })
})
