import type { ChangedJob, DeclaredTeam, WhatIf } from './documents'

/** What a change makes of one that waits. */
export type Move = 'starts' | 'stops' | 'sooner' | 'later' | 'same'

/** Seconds until it gets its quota, as things are and with the change; null where that is not known or out of sight. */
export function waitsOf(job: ChangedJob): { readonly now: number | null; readonly then: number | null } {
  return {
    now: job.getsQuotaBefore ? 0 : job.waitSecondsBefore,
    then: job.getsQuotaAfter ? 0 : job.waitSecondsAfter,
  }
}

/** How many seconds later it gets its quota; less than nothing for sooner, null where no difference can be told. */
export function changeOf(job: ChangedJob): number | null {
  if (job.changeSeconds !== null) return job.changeSeconds
  const { now, then } = waitsOf(job)
  return now !== null && then !== null ? then - now : null
}

export function moveOf(job: ChangedJob): Move {
  if (!job.getsQuotaBefore && job.getsQuotaAfter) return 'starts'
  if (job.getsQuotaBefore && !job.getsQuotaAfter) return 'stops'
  const change = changeOf(job)
  if (change !== null) return change < 0 ? 'sooner' : change > 0 ? 'later' : 'same'
  const { now, then } = waitsOf(job)
  // Known on one side alone: on the other it does not start as far as futures look.
  if (now !== null) return 'later'
  return then === null ? 'same' : 'sooner'
}

export interface Moves {
  readonly starts: number
  readonly sooner: number
  readonly later: number
  readonly displaced: number
}

/** For how many something changes, and how: who no longer starts waits longer. */
export function movesOf({ jobs, preempted }: WhatIf): Moves {
  const moves = jobs.map(moveOf)
  const number = (...meant: Move[]) => moves.filter((each) => meant.includes(each)).length
  return { starts: number('starts'), sooner: number('sooner'), later: number('later', 'stops'), displaced: preempted.length }
}

/** Both futures of a team. */
export interface TeamFutures {
  readonly team: string
  readonly waiting: number
  readonly startNow: number
  readonly startThen: number
  /** The median of the waits that are known. */
  readonly now: number | null
  readonly then: number | null
  readonly sooner: number
  readonly later: number
}

/** Both futures, team by team; whose namespace is no team's is told of under that. */
export function teamFutures(jobs: readonly ChangedJob[], teams: readonly DeclaredTeam[]): readonly TeamFutures[] {
  const owner = new Map(teams.flatMap((team) => team.namespaces.map((each) => [each, team.name] as const)))
  const groups = new Map<string, ChangedJob[]>()
  for (const each of jobs) {
    const team = owner.get(each.job.namespace) ?? each.job.namespace
    groups.set(team, [...(groups.get(team) ?? []), each])
  }
  return [...groups.entries()]
    .map(([team, own]) => {
      const moves = own.map(moveOf)
      return {
        team,
        waiting: own.length,
        startNow: own.filter((each) => each.getsQuotaBefore).length,
        startThen: own.filter((each) => each.getsQuotaAfter).length,
        now: medianOf(own.map((each) => waitsOf(each).now)),
        then: medianOf(own.map((each) => waitsOf(each).then)),
        sooner: moves.filter((each) => each === 'sooner' || each === 'starts').length,
        later: moves.filter((each) => each === 'later' || each === 'stops').length,
      }
    })
    .sort((a, b) => b.waiting - a.waiting || a.team.localeCompare(b.team))
}

function medianOf(waits: readonly (number | null)[]): number | null {
  const known = waits.filter((each) => each !== null).sort((a, b) => a - b)
  if (!known.length) return null
  const middle = known.length >> 1
  return known.length % 2 ? (known[middle] ?? null) : ((known[middle - 1] ?? 0) + (known[middle] ?? 0)) / 2
}

/** How many have started by a time: steps of seconds from now and numbers, from now on. */
export type Starts = readonly (readonly [number, number])[]

/** Those of whom both futures tell, by what starts when; only these are compared, so that both lines end alike. */
export function startsOver(jobs: readonly ChangedJob[]): { readonly now: Starts; readonly then: Starts; readonly of: number } {
  const waits = jobs.map(waitsOf).filter((each) => each.now !== null || each.then !== null)
  return { now: stepsOf(waits.map((each) => each.now)), then: stepsOf(waits.map((each) => each.then)), of: waits.length }
}

function stepsOf(waits: readonly (number | null)[]): Starts {
  const known = waits.filter((each) => each !== null).sort((a, b) => a - b)
  const steps: [number, number][] = [[0, 0]]
  known.forEach((wait, number) => {
    const last = steps.at(-1)
    if (last && last[0] === wait) last[1] = number + 1
    else steps.push([wait, number + 1])
  })
  return steps
}
