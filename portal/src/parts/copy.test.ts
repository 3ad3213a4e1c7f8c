import { describe, expect, it } from 'vitest'
import type { AnswerSource } from '../api/schema'
import { askedOf } from './copy'

const source = (name: string, state: AnswerSource['state']) => ({ name, state })

describe('a command that tells what an answer does', () => {
  it.each([
    [[source('east', 'current')], 'allot who --on east'],
    [[source('east', 'stale'), source('gone', 'silent'), source('the west', 'current')], "allot who --on east\nallot who --on 'the west'"],
    [[], 'allot who'],
  ])('is asked of each place that it rests on: %j', (sources, command) => expect(askedOf('allot who', sources)).toBe(command))
})
