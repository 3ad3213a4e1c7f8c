import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { status, whoami } from '../api/queries'
import type { AskedRequest, Visitor } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { FormPanel } from '../parts/form_panel'
import { Preview } from './ask'
import { useAsking } from './asking'
import { type LeaveSearch, leaveSearch } from './team_search'

/** Teams that somebody may have leave: its owners may, and administrators. */
export function mayLeave(me: Pick<Visitor, 'roles'> | undefined, teams: readonly string[]): readonly string[] {
  const roles = me?.roles ?? []
  if (!me) return []
  return !roles.length || roles.includes('admin') ? teams : teams.filter((each) => roles.includes(`owner of ${each}`))
}

const DAY = 86_400_000
/** As all dates here are written; a field for dates writes them as its browser likes. */
const DATE = /\d{4}-\d{2}-\d{2}/

/** A team that is to leave: all that goes is said, and its name is typed, for its data cannot be brought back. */
export function Leave() {
  const search = useSearch({ from: '/leave' })
  const navigate = useNavigate()
  const me = useQuery(whoami).data
  const teams = mayLeave(me, useQuery(status).data?.teams ?? [])
  const [typed, setTyped] = useState('')
  const [justification, setJustification] = useState('')
  const team = search.team ?? ''
  const until = search.until ?? new Date(Date.now() + 60 * DAY).toISOString().slice(0, 10)
  const wanted = useMemo<AskedRequest | null>(
    () =>
      team && new RegExp(`^${DATE.source}$`).test(until)
        ? ({
            kind: 'leave',
            team,
            workload: 'training',
            justification: justification || 'not said yet',
            // What it would do is shown before its name was typed; it is asked for with what was typed.
            subject: team,
            keep_data_until: until,
          } as unknown as AskedRequest)
        : null,
    [team, until, justification],
  )
  const set = (some: Partial<LeaveSearch>) => void navigate({ to: '/leave', search: leaveSearch({ ...search, ...some }), replace: true })
  const send = useAsking()
  return (
    <>
      <div className="head">
        <h1>Have a team leave</h1>
        <span className="grow" />
        <CopyCommand command={`allot request leave ${shellWord(team)} --until ${until} --confirm ${shellWord(typed)} --why ${shellWord(justification)}`} />
      </div>
      <div className="columns">
        <FormPanel title="Which, and until when" send={() => send(wanted && { ...wanted, subject: typed })}>
          <label className="field">
            <span className="label">Team</span>
            <select value={team} onChange={(event) => set({ team: event.target.value })}>
              <option value="">choose one</option>
              {[...new Set([...teams, ...(team ? [team] : [])])].map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
          <label className="field">
            <span className="label">Its data are kept until</span>
            <input value={until} placeholder="2027-01-31" pattern={DATE.source} inputMode="numeric" maxLength={10} onChange={(event) => set({ until: event.target.value })} />
          </label>
          <label className="field whole">
            <span className="label">Why</span>
            <textarea value={justification} maxLength={2000} onChange={(event) => setJustification(event.target.value)} />
          </label>
          <p className="whole">
            Once it is approved its requests, grants, jobs and tokens end, its work is drained and its people lose their access. After that day all its data are deleted for good.
          </p>
          <label className="field whole">
            <span className="label">Type the team's name{team ? `, ${team}` : ''}</span>
            <input value={typed} autoComplete="off" spellCheck={false} onChange={(event) => setTyped(event.target.value)} />
          </label>
          <div className="whole acts">
            <button type="submit" className="act danger" disabled={!wanted || typed !== team || !justification.trim()}>
              Ask that it leaves
            </button>
          </div>
        </FormPanel>
        <Preview wanted={wanted}>
          <strong>Choose a team</strong>
          <span>What becomes of it, and of the platform directory, is shown here before anything is asked for.</span>
        </Preview>
      </div>
    </>
  )
}
