import type { NavigateOptions } from '@tanstack/react-router'
import { askedAgain, grantMoves, isAsked, requestMoves } from '../answers/request_acts'
import type { ListedRequest } from '../api/queries'
import type { JobRow, TeamGrant, Visitor } from '../api/schema'
import type { JobsStore } from '../store/jobs'
import { mayIn } from '../store/may'
import { GRANT_MOVES, MOVES } from '../words/decisions'
import { GRANT, JOB, OVER, REQUEST, type StateLook } from '../words/states'
import { thingOf } from '../words/terms'

/** An act with one thing of many, from wherever somebody is; it is asked about once more where the thing is. */
export interface NamedAct {
  readonly key: string
  readonly said: string
  readonly state: StateLook
  readonly to: NavigateOptions
}

interface Known {
  readonly me: Visitor | undefined
  readonly jobs: JobsStore
  readonly asked: readonly ListedRequest[] | undefined
  readonly given: readonly TeamGrant[] | undefined
  /** Things of one act at most. */
  readonly most: number
}

/** Acts that begin with a verb, with the things that are named behind it: those alone that whoever looks may do. */
export function namedActs(words: string, known: Known): readonly NamedAct[] {
  const [verb = '', ...rest] = words.split(/\s+/).filter(Boolean)
  const text = rest.join(' ')
  return [...ofJobs(verb, text, known), ...ofRequests(verb, text, known), ...ofGrants(verb, text, known)]
}

interface JobVerb {
  readonly act: 'stop' | 'retry'
  readonly said: string
  /** By which it is typed. */
  readonly words: readonly string[]
  readonly needs: string
  readonly fits: (job: JobRow) => boolean
}

const JOB_VERBS: readonly JobVerb[] = [
  { act: 'stop', said: 'Stop', words: ['stop', 'end', 'kill', 'cancel'], needs: 'stop', fits: (job: JobRow) => !OVER.has(job.state) },
  { act: 'retry', said: 'Run again', words: ['run', 'retry', 'again', 'rerun'], needs: 'submit', fits: (job: JobRow) => OVER.has(job.state) },
]

function ofJobs(verb: string, text: string, { me, jobs, most }: Known): readonly NamedAct[] {
  // There are so many of them that a verb alone names none.
  if (!text) return []
  return JOB_VERBS.filter((each) => each.words.includes(verb)).flatMap((each) =>
    jobs
      .wanted({ text })
      .filter((job) => each.fits(job) && mayIn(me, each.needs, job.team))
      .slice(0, most)
      .map((job) => ({
        key: `${each.act} ${job.id}`,
        said: `${each.said} ${job.name} · ${job.id} · ${job.team}`,
        state: JOB[job.state],
        to: { to: '/jobs/$id', params: { id: job.id }, search: { act: each.act } },
      })),
  )
}

function ofRequests(verb: string, text: string, { me, asked, most }: Known): readonly NamedAct[] {
  return (asked ?? [])
    .flatMap((each) =>
      requestMoves(each, each.decides, me)
        .filter((move) => MOVES[move].typed.includes(verb))
        .map((move) => {
          const thing = `${thingOf(each.wish, each.terms)} for ${each.wish.team} · ${each.id}`
          return { move, id: each.id, state: REQUEST[each.state], said: `${MOVES[move].verb} ${thing} · ${each.requester}` }
        }),
    )
    .filter(({ said }) => named(said, text))
    .slice(0, most)
    .map(({ move, id, state, said }) => ({ key: `${move} ${id}`, said, state, to: { to: '/requests/$id', params: { id }, search: { act: move } } }))
}

function ofGrants(verb: string, text: string, { me, given, most }: Known): readonly NamedAct[] {
  return (given ?? [])
    .flatMap((each) =>
      grantMoves(each, me)
        .filter((move) => GRANT_MOVES[move].typed.includes(verb))
        .map((move): NamedAct => ({
          key: `${move} ${each.id}`,
          said: `${GRANT_MOVES[move].verb} ${thingOf(each, each.terms)} of ${each.team} · ${each.id}`,
          state: GRANT[each.state],
          to: isAsked(move)
            ? { to: '/ask', search: askedAgain(each, move) }
            : { to: '/requests/$id', params: { id: each.id }, search: { act: move } },
        })),
    )
    .filter(({ said }) => named(said, text))
    .slice(0, most)
}

/** Whether all words are there. */
function named(said: string, text: string): boolean {
  const all = said.toLowerCase()
  return text.split(/\s+/).every((each) => all.includes(each))
}
