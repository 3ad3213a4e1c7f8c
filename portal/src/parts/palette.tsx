import { useNavigate } from '@tanstack/react-router'
import { useId, useMemo, useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import type { Place } from '../screens/places'
import { useLive } from '../store/live'
import { JOB } from '../words/states'
import { State } from './state'

const MOST = 12

/** Every screen that somebody may see, and every job, by a few letters. */
export function Palette({ places, close }: { places: readonly Place[]; close: () => void }) {
  const { jobs } = useLive()
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const found = useMemo(() => {
    const words = text.toLowerCase().trim()
    const named = (each: Place) => each.name.toLowerCase().includes(words)
    const meant = places.filter((each) => each.also.toLowerCase().includes(words) && !named(each))
    // What is called so comes before what is meant by it, too.
    const screens = [...places.filter(named), ...meant]
    const rows = words ? jobs.wanted({ text: words }).slice(0, MOST) : []
    return [
      ...screens.map((each) => ({ key: each.to, said: each.name, state: null, go: () => navigate({ to: each.to }) })),
      ...rows.map((each) => ({
        key: each.id,
        said: `${each.name} · ${each.id} · ${each.team}`,
        state: JOB[each.state],
        go: () => navigate({ to: '/jobs/$id', params: { id: each.id } }),
      })),
    ]
  }, [text, places, jobs, navigate])
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
            placeholder="A screen, a job by name or id, a team, a person"
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
                aria-selected={number === chosen}
                onMouseMove={() => setAt(number)}
                onClick={() => go(number)}
              >
                <span>{each.said}</span>
                {each.state && <State of={each.state} />}
              </li>
            ))}
            {!found.length && <li aria-selected={false}>Nothing is called so</li>}
          </ul>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}
