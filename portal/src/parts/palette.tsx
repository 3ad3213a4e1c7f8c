import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useId, useMemo, useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { grants, requests, whoami } from '../api/queries'
import type { JobRow } from '../api/schema'
import type { Place } from '../screens/places'
import { type Act, useOffered } from '../store/acts'
import { useLive } from '../store/live'
import { useMay } from '../store/may'
import { JOB, type StateLook } from '../words/states'
import { namedActs } from './named_acts'
import { State } from './state'

const MOST = 12

interface Entry {
  readonly key: string
  readonly said: string
  /** What kind of thing it is, where that is no screen. */
  readonly kind: string
  readonly state: StateLook | null
  readonly go: () => unknown
}

/** Every screen and every act that somebody may, and every job, by a few letters. */
export function Palette({ places, acts, close }: { places: readonly Place[]; acts: readonly Act[]; close: () => void }) {
  const { jobs } = useLive()
  const me = useQuery(whoami).data
  const here = useOffered()
  const sees = useMay('requests')
  const asked = useQuery({ ...requests, enabled: sees }).data
  const given = useQuery({ ...grants, enabled: sees }).data
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const found = useMemo<readonly Entry[]>(() => {
    const words = text.toLowerCase().trim()
    const named = (each: { readonly said: string }) => each.said.toLowerCase().includes(words)
    const screens = places.map((each) => ({ key: each.to, said: each.name, also: each.also.toLowerCase(), kind: '', state: null, go: () => navigate({ to: each.to }) }))
    // What is called so comes before what is meant by it, too.
    const called = screens.filter(named)
    const meant = screens.filter((each) => each.also.includes(words) && !named(each))
    const entryOf = (each: Act): Entry => ({ key: `act ${each.said}`, said: each.said, kind: 'act', state: null, go: each.go })
    const jobEntry = (each: JobRow): Entry => ({
      key: each.id,
      said: `${each.name} · ${each.id} · ${each.team}`,
      kind: '',
      state: JOB[each.state],
      go: () => navigate({ to: '/jobs/$id', params: { id: each.id } }),
    })
    const own = here.filter(named).map(entryOf)
    const usual = acts.filter(named).map(entryOf)
    if (!words) return [...own, ...called, ...usual]
    const acted = namedActs(words, { me, jobs, asked, given, most: MOST }).map(({ to, ...each }): Entry => ({ ...each, kind: 'act', go: () => navigate(to) }))
    return [...called, ...own, ...acted, ...usual, ...meant, ...jobs.wanted({ text: words }).slice(0, MOST).map(jobEntry)]
  }, [text, places, acts, here, jobs, asked, given, me, navigate])
  const chosen = Math.min(at, found.length - 1)
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
            placeholder="A screen, an act such as “stop train”, a job by name or id"
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
          <ul role="listbox" id={id} aria-label="Found">
            {found.map((each, number) => (
              <li
                key={each.key}
                id={`${id}-${number}`}
                role="option"
                aria-label={each.state ? `${each.said} ${each.state.word}` : each.said}
                data-kind={each.kind || undefined}
                aria-selected={number === chosen}
                onMouseMove={() => setAt(number)}
                onClick={() => go(number)}
              >
                <span>{each.said}</span>
                {each.state ? <State of={each.state} /> : each.kind && <span className="faint">{each.kind}</span>}
              </li>
            ))}
            {!found.length && <li aria-selected={false}>Nothing is called so</li>}
          </ul>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
