import { useIsFetching, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useId, useMemo, useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { ownViews } from '../answers/own'
import { causes, clusterStates, declaredTeams, queues, waste } from '../answers/queries'
import { grants, requests, whoami } from '../api/queries'
import type { JobRow } from '../api/schema'
import type { Place } from '../screens/places'
import { type Act, useOffered } from '../store/acts'
import { useLive } from '../store/live'
import { useMay } from '../store/may'
import { count } from '../words/format'
import { JOB, type StateLook } from '../words/states'
import { findThings, type Thing, thingsOf } from './found_things'
import { namedActs } from './named_acts'
import { State } from './state'

/** Jobs, and acts with one of many things. */
const MOST = 12
/** Things of each other kind. */
const MOST_THINGS = 5
/** Milliseconds in which what somebody has asked for is not asked for again for a search. */
const KEPT = 5 * 60_000

interface Entry {
  readonly key: string
  readonly said: string
  /** What kind of thing it is, where that is no screen. */
  readonly kind: string
  readonly state: StateLook | null
  readonly go: () => unknown
}

interface Group {
  readonly title: string
  readonly entries: readonly Entry[]
  readonly more?: number
}

/** Every screen and every act that somebody may, every job, and all else that has a name, by a few letters. */
export function Palette({ places, acts, close }: { places: readonly Place[]; acts: readonly Act[]; close: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const groups = useFound(text, places, acts)
  const found = groups.flatMap((each) => each.entries)
  const chosen = Math.min(at, found.length - 1)
  const looking = useIsFetching() > 0
  function go(number: number): void {
    close()
    void found[number]?.go()
  }
  return (
    <ModalOverlay className="veil" isOpen onOpenChange={(is) => !is && close()} isDismissable>
      <Modal className="sheet">
        <Dialog className="palette" aria-label="Search or go to">
          <input
            autoFocus
            role="combobox"
            aria-expanded
            aria-controls={id}
            aria-activedescendant={found[chosen] ? `${id}-${chosen}` : undefined}
            aria-label="Search or go to"
            placeholder="A screen, an act such as “stop train”, a job, team, node, queue, request"
            value={text}
            onChange={(event) => {
              setText(event.target.value)
              setAt(0)
            }}
            onKeyDown={(event) => {
              if (event.key === 'ArrowDown') setAt(Math.min(chosen + 1, found.length - 1))
              else if (event.key === 'ArrowUp') setAt(Math.max(chosen - 1, 0))
              else if (event.key === 'Enter') go(chosen)
              else return
              event.preventDefault()
            }}
          />
          <div role="listbox" id={id} aria-label="Found">
            {groups.map((group) => (
              <div key={group.title} role="group" aria-label={group.title}>
                <div className="group" aria-hidden="true">
                  {group.title}
                  {group.more ? <span> · {count(group.more)} more</span> : null}
                </div>
                {group.entries.map((each) => {
                  const number = found.indexOf(each)
                  return <Option key={each.key} of={each} id={`${id}-${number}`} chosen={number === chosen} here={() => setAt(number)} go={() => go(number)} />
                })}
              </div>
            ))}
          </div>
          {!found.length && <p className="nothing">{looking ? 'Still looking' : 'Nothing is called so'}</p>}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function Option({ of, id, chosen, here, go }: { of: Entry; id: string; chosen: boolean; here: () => void; go: () => void }) {
  const inSight = (place: HTMLElement | null) => {
    if (chosen) place?.scrollIntoView({ block: 'nearest' })
  }
  return (
    <div
      id={id}
      ref={inSight}
      role="option"
      aria-label={of.state ? `${of.said} ${of.state.word}` : of.said}
      data-kind={of.kind || undefined}
      aria-selected={chosen}
      onMouseMove={here}
      onClick={go}
    >
      <span>{of.said}</span>
      {of.state ? <State of={of.state} /> : of.kind && <span className="faint">{of.kind}</span>}
    </div>
  )
}

/** What the letters find, group by group; what is called so comes before what is meant by it, too. */
function useFound(text: string, places: readonly Place[], acts: readonly Act[]): readonly Group[] {
  const { jobs } = useLive()
  const me = useQuery(whoami).data
  const here = useOffered()
  const sees = useMay('requests')
  const asked = useQuery({ ...requests, enabled: sees }).data
  const given = useQuery({ ...grants, enabled: sees }).data
  const things = useThings(text.trim().length > 1)
  const navigate = useNavigate()
  return useMemo<readonly Group[]>(() => {
    const words = text.toLowerCase().trim()
    const named = (each: { readonly said: string }) => each.said.toLowerCase().includes(words)
    const screens = places.map((each) => ({ key: each.to, said: each.name, also: each.also.toLowerCase(), kind: '', state: null, go: () => navigate({ to: each.to }) }))
    const called = screens.filter(named)
    const meant = screens.filter((each) => each.also.includes(words) && !named(each))
    const actEntry = (each: Act): Entry => ({ key: `act ${each.said}`, said: each.said, kind: 'act', state: null, go: each.go })
    const jobEntry = (each: JobRow): Entry => ({
      key: each.id,
      said: `${each.name} · ${each.id} · ${each.team}`,
      kind: '',
      state: JOB[each.state],
      go: () => navigate({ to: '/jobs/$id', params: { id: each.id } }),
    })
    const thingEntry = (each: Thing): Entry => ({ key: each.key, said: each.said, kind: '', state: each.state, go: () => navigate(each.to) })
    const own = here.filter(named).map(actEntry)
    const usual = acts.filter(named).map(actEntry)
    if (!words) return filled([{ title: 'From here', entries: own }, { title: 'Screens', entries: called }, { title: 'Acts', entries: usual }])
    const acted = namedActs(words, { me, jobs, asked, given, most: MOST }).map(({ to, ...each }): Entry => ({ ...each, kind: 'act', go: () => navigate(to) }))
    const rows = jobs.wanted({ text: words })
    const others = findThings(things, words, MOST_THINGS).map(({ kind, things: of, more }): Group => ({ title: kind, entries: of.map(thingEntry), more }))
    // Whoever types the name of a team means it, and not one of its jobs.
    const teams = others.filter((each) => each.title === 'Teams')
    return filled([
      { title: 'Screens', entries: called },
      { title: 'Acts', entries: [...own, ...acted, ...usual] },
      { title: 'Screens about it', entries: meant },
      ...teams,
      { title: 'Jobs', entries: rows.slice(0, MOST).map(jobEntry), more: Math.max(0, rows.length - MOST) },
      ...others.filter((each) => !teams.includes(each)),
    ])
  }, [text, places, acts, here, jobs, asked, given, me, things, navigate])
}

function filled(groups: readonly Group[]): readonly Group[] {
  return groups.filter((each) => each.entries.length)
}

/** All that has a name besides jobs: what is known is taken as it is, the rest is asked for once somebody types. */
function useThings(typed: boolean): readonly Thing[] {
  const [view] = ownViews(useQuery(whoami).data)
  const sees = useMay('requests')
  const wanted = { enabled: useMay('read') && typed, staleTime: KEPT, refetchInterval: false as const }
  const teams = useQuery({ ...declaredTeams({ view }), ...wanted }).data?.document.items
  const standings = useQuery({ ...queues({ view }), ...wanted }).data?.document.items
  const clusters = useQuery({ ...clusterStates({ view }), ...wanted }).data?.document.items
  const entries = useQuery({ ...waste({ view }), ...wanted }).data?.document.entries
  const lines = useQuery({ ...causes, enabled: wanted.enabled }).data?.document.items
  const asked = useQuery({ ...requests, enabled: sees && typed, staleTime: KEPT }).data
  const given = useQuery({ ...grants, enabled: sees && typed, staleTime: KEPT }).data
  return useMemo(
    () => thingsOf({ teams, asked, given, queues: standings, clusters, entries, causes: lines }),
    [teams, asked, given, standings, clusters, entries, lines],
  )
}
