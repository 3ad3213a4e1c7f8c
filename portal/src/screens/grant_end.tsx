import { useQuery } from '@tanstack/react-query'
import type { WhatIf } from '../answers/documents'
import { grantEnd } from '../answers/grant_end'
import { declaredTeams, queues, whatIf } from '../answers/queries'
import { asTrouble } from '../api/problem'
import { grants, whoami } from '../api/queries'
import type { TeamGrant } from '../api/schema'
import { useMay } from '../store/may'
import { usualView } from './filters'
import { Displaced, Rests, Sums } from './futures'

/** What comes of the end of a grant, as far as it can be tried. */
export interface GrantEndTried {
  readonly told: WhatIf | null
  /** Whether it is being tried. */
  readonly waits: boolean
  /** Why it is not known; empty where it is. */
  readonly untold: string
}

/** Ends a grant on the twins of its cluster: who loses quota at once, who waits longer, who starts sooner. */
export function useGrantEnd(of: TeamGrant, asks: boolean): GrantEndTried {
  const may = useMay('read') && asks
  const view = usualView(useQuery(whoami).data)
  const [teams, given, queued] = [useQuery({ ...declaredTeams({ view }), enabled: may }), useQuery(grants), useQuery({ ...queues({ view }), enabled: may })]
  const known = teams.data && given.data && queued.data
  const end = known ? grantEnd(of, teams.data.document.items, given.data, queued.data.document.items) : null
  const tried = useQuery({ ...whatIf({ view, cluster: end?.cluster }, end?.changes ?? [], false), enabled: end !== null })
  const failed = teams.error ?? given.error ?? queued.error ?? tried.error
  if (tried.data) return { told: tried.data.document, waits: false, untold: '' }
  if (failed) return { told: null, waits: false, untold: asTrouble(failed).what }
  if (!may) return { told: null, waits: false, untold: 'you may not see the queues' }
  if (known && !end) return { told: null, waits: false, untold: of.state === 'active' ? 'its queue is not seen in one cluster' : 'nothing of it is given at present' }
  return { told: null, waits: true, untold: '' }
}

export function GrantEndSays({ of: { told, waits, untold } }: { of: GrantEndTried }) {
  if (told)
    return (
      <>
        <Sums told={told} />
        <Rests told={told} />
        <Displaced work={told.preempted} />
      </>
    )
  return <p className="faint">{waits ? 'Who loses quota by it, and who starts sooner, is being tried.' : `Who loses quota by it is not known: ${untold}.`}</p>
}
