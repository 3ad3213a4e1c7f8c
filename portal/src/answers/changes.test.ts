import { describe, expect, it } from 'vitest'
import { type ChangeKind, changeSaid, changesIn, changeWord, subjectsOf } from './changes'
import type { QueueStanding } from './documents'

describe('changes in the words of the command line', () => {
  it.each<[ChangeKind, string, string, string]>([
    ['quota', 'nlp/a100/nvidia.com/gpu', ' 16 ', 'quota:nlp/a100/nvidia.com/gpu=16'],
    ['lending', 'nlp/a100/nvidia.com/gpu', 'none', 'lending:nlp/a100/nvidia.com/gpu=none'],
    ['quota', 'nlp/a100/nvidia.com/gpu', '', ''],
    ['hold', 'nlp', 'ignored', 'hold:nlp'],
    ['hold', 'two words', '', ''],
    ['add-node', 'gpu-9', 'gpu-1', 'add-node:gpu-9=gpu-1'],
    ['policy', 'fair-sharing', '', 'policy:fair-sharing'],
  ])('%s of %s', (kind, subject, amount, word) => {
    expect(changeWord(kind, subject, amount)).toBe(word)
  })

  it('stand in the address, each once', () => {
    expect(changesIn('hold:a  weight:b=2 hold:a')).toEqual(['hold:a', 'weight:b=2'])
    expect(changesIn(undefined)).toEqual([])
  })

  it('are about what there is', () => {
    const queue = { clusterQueue: 'nlp', quotas: [{ flavor: 'a100', resource: 'nvidia.com/gpu' }] } as unknown as QueueStanding
    expect(subjectsOf('borrowing', [queue], [])).toEqual(['nlp/a100/nvidia.com/gpu'])
    expect(subjectsOf('weight', [queue], [])).toEqual(['nlp'])
    expect(subjectsOf('drain', [queue], ['gpu-1'])).toEqual(['gpu-1'])
  })

  it.each([
    ['hold:nlp', 'nlp: the queue admits nobody'],
    ['quota:cv/t4-spot/nvidia.com/gpu=5', 'cv/t4-spot/nvidia.com/gpu: another guarantee, 5'],
    ['policy:fair-sharing', 'fair-sharing: another policy'],
    ['melt:everything', 'melt:everything'],
  ])('are said in words: %s', (word, said) => {
    expect(changeSaid(word)).toBe(said)
  })
})
