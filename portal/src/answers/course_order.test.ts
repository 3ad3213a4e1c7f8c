import { describe, expect, it } from 'vitest'
import type { CourseStep } from '../api/schema'
import { heldUp, inCourse } from './course_order'

const step = (kind: CourseStep['kind'], word: string, at: number, until: number | null = null) =>
  ({ kind, word, at, until, cause: '', plain: '', raw: '', attempt: 1 }) as CourseStep

const words = (steps: readonly CourseStep[]) => inCourse(steps).map((each) => each.word)

describe('the course of a job', () => {
  const late = [step('move', 'starting', 10), step('move', 'running', 20), step('wait', 'containers', 21, 25)]

  it('has what held it up before it ran, also where that was told late', () => {
    expect(words(late)).toEqual(['starting', 'containers', 'running'])
    const [, told] = inCourse(late)
    expect(told && heldUp(told, late)).toBeNull()
  })

  it('does not say twice what the move before a wait says', () => {
    const made = 'its containers are being made'
    const starting = { ...step('move', 'starting', 10), plain: made }
    expect(words([starting, step('move', 'running', 20), { ...step('wait', 'containers', 21, 25), plain: made }])).toEqual(['starting', 'running'])
    expect(words([starting, { ...step('wait', 'containers', 11), plain: made }])).toEqual(['starting'])
    // How long it was is worth a line.
    expect(words([starting, { ...step('wait', 'containers', 11, 25), plain: made }])).toEqual(['starting', 'containers'])
  })

  it('says how long something held it up, and not longer than until it ran', () => {
    const steps = [step('move', 'queued', 0), step('wait', 'quota', 1, 9), step('wait', 'image', 9, 25), step('move', 'running', 20)]
    expect(inCourse(steps)).toEqual(steps)
    expect(steps.map((each) => heldUp(each, steps))).toEqual([null, 8, 11, null])
  })

  it('leaves what holds it up now, and what came after it had run, where they are', () => {
    const again = [step('move', 'running', 1), step('move', 'queued', 5), step('wait', 'quota', 5, 8), step('move', 'running', 8)]
    expect(inCourse(again)).toEqual(again)
    const now = [step('move', 'running', 1), step('wait', 'stuck', 5)]
    expect(inCourse(now)).toEqual(now)
  })
})
