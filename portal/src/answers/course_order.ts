import type { CourseStep } from '../api/schema'

/**
 * Steps of a course as they came about. What held a job up is told some seconds after it was over: of what would stand
 * behind the move by which the job came to run it is known that it was before it, and not for how long. What a wait of
 * unknown length has in common with the move before it is not said twice.
 */
export function inCourse(steps: readonly CourseStep[]): readonly CourseStep[] {
  const found: CourseStep[] = []
  for (const step of steps) {
    const last = found.findLastIndex((each) => each.kind === 'move')
    const before = found[last]
    const late = step.kind === 'wait' && step.until !== null && before?.word === 'running'
    const place = late ? last : found.length
    if (step.kind === 'wait' && (late || step.until === null) && repeats(step, found[place - 1])) continue
    found.splice(place, 0, late ? { ...step, at: before.at, until: before.at } : step)
  }
  return found
}

function repeats(step: CourseStep, before: CourseStep | undefined): boolean {
  return before?.kind === 'move' && step.plain !== '' && before.plain === step.plain
}

/** For how many milliseconds something held a job up; null where it still does, or nobody knows. */
export function heldUp(step: CourseStep, steps: readonly CourseStep[]): number | null {
  if (step.until === null) return null
  const ran = steps.find((each) => each.kind === 'move' && each.word === 'running' && each.at >= step.at)?.at
  const span = Math.min(step.until, ran ?? step.until) - step.at
  return span > 0 ? span : null
}
