import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { clusterStates } from '../answers/queries'
import { whoami } from '../api/queries'
import type { AskedRequest } from '../api/schema'
import { CopyCommand, shellWord } from '../parts/copy'
import { FormPanel } from '../parts/form_panel'
import { Preview } from './ask'
import { useAsking } from './asking'
import { usualView } from './filters'
import { type OnboardSearch, onboardSearch } from './team_search'

/** A team as it is asked for; null as long as its name or its amounts cannot be. */
export function teamAsked(search: OnboardSearch, justification: string): AskedRequest | null {
  const accelerators = acceleratorsOf(search.accelerators ?? '')
  const budget = search.budget ? Number(search.budget) : null
  if (!search.name || accelerators === null || (budget !== null && !(budget >= 0))) return null
  return {
    kind: 'team',
    team: search.name,
    workload: 'training',
    justification: justification || 'not said yet',
    new_team: {
      owners: wordsOf(search.owners),
      members: wordsOf(search.members),
      clusters: wordsOf(search.on),
      accelerators,
      cpu: search.cpu || '64',
      memory: search.memory || '256Gi',
      cost_center: search.center ?? '',
      budget: budget === null ? null : Math.round(budget * 1_000_000),
      needs: wordsOf(search.needs),
    },
    // What is left out has its usual value; the types of answers say that it is always there.
  } as unknown as AskedRequest
}

export function wordsOf(text: string | undefined): string[] {
  return (text ?? '').split(/[,\s]+/).filter(Boolean)
}

/** Amounts by accelerator; null where one cannot be read. */
export function acceleratorsOf(text: string): [string, number][] | null {
  const found = wordsOf(text).map((each) => /^([^=]+)=(\d+)$/.exec(each))
  return found.some((each) => each === null) ? null : found.map((each) => [each?.[1] ?? '', Number(each?.[2])])
}

export function teamCommand(search: OnboardSearch, justification: string): string {
  const each = (flag: string, values: readonly string[]) => values.map((value) => `${flag} ${shellWord(value)}`)
  return [
    `allot request team ${shellWord(search.name ?? '')}`,
    ...each('--owner', wordsOf(search.owners)),
    ...each('--member', wordsOf(search.members)),
    ...each('--on', wordsOf(search.on)),
    ...each('--accelerator', wordsOf(search.accelerators)),
    ...(search.cpu ? [`--cpu ${shellWord(search.cpu)}`] : []),
    ...(search.memory ? [`--memory ${shellWord(search.memory)}`] : []),
    ...(search.center ? [`--cost-center ${shellWord(search.center)}`] : []),
    ...each('--needs', wordsOf(search.needs)),
    ...(search.budget ? [`--budget ${shellWord(search.budget)}`] : []),
    `--why ${shellWord(justification)}`,
  ].join(' ')
}

/** A team that is to come: what that makes of the platform directory is shown before anybody is asked. */
export function Onboard() {
  const search = useSearch({ from: '/onboard' })
  const navigate = useNavigate()
  const me = useQuery(whoami).data
  const may = me?.permissions.includes('read') ?? false
  const known = useQuery({ ...clusterStates({ view: usualView(me) }), enabled: may }).data?.document.items ?? []
  const [justification, setJustification] = useState('')
  const wanted = useMemo(() => teamAsked(search, justification), [search, justification])
  const set = (some: Partial<OnboardSearch>) => void navigate({ to: '/onboard', search: onboardSearch({ ...search, ...some }), replace: true })
  const chosen = wordsOf(search.on)
  const field = (name: keyof OnboardSearch, label: string, placeholder: string) => (
    <label className="field">
      <span className="label">{label}</span>
      <input value={search[name] ?? ''} placeholder={placeholder} maxLength={500} onChange={(event) => set({ [name]: event.target.value })} />
    </label>
  )
  const send = useAsking()
  return (
    <>
      <div className="head">
        <h1>Bring in a team</h1>
        <span className="grow" />
        <CopyCommand command={teamCommand(search, justification)} />
      </div>
      <div className="columns">
        <FormPanel title="The team" send={() => send(wanted)}>
          {field('name', 'Name', 'vision')}
          {field('owners', 'Groups of its owners', 'acme-vision-leads')}
          {field('members', 'Groups of its members', 'acme-vision')}
          {field('center', 'Cost centre', 'cc-2000')}
          {field('accelerators', 'Guaranteed accelerators', 'a100=2, t4=4')}
          {field('cpu', 'Guaranteed CPU', '64')}
          {field('memory', 'Guaranteed memory', '256Gi')}
          {field('budget', `Budget of a month${me?.currency ? `, ${me.currency}` : ''}`, 'none')}
          <fieldset className="field whole plain">
            <legend className="label">Clusters; without any, the one outside production that has room</legend>
            <Chips names={[...new Set([...known.map((each) => each.name), ...chosen])]} chosen={chosen} set={(on) => set({ on })} />
          </fieldset>
          <fieldset className="field whole plain">
            <legend className="label">What a namespace beside other teams may not be enough for</legend>
            <Chips names={NEEDS} chosen={wordsOf(search.needs)} set={(needs) => set({ needs })} said={(each) => each.replace('-', ' ')} />
          </fieldset>
          <label className="field whole">
            <span className="label">Why</span>
            <textarea value={justification} maxLength={2000} onChange={(event) => setJustification(event.target.value)} />
          </label>
          <div className="whole acts">
            <button type="submit" className="act first" disabled={!wanted || !justification.trim()}>
              Ask for the team
            </button>
          </div>
        </FormPanel>
        <Preview wanted={wanted}>
          <strong>Name the team</strong>
          <span>The diff of the platform directory, and what is made in each cluster, are shown here before anything is asked for. Once it is approved it is committed, applied and proved.</span>
        </Preview>
      </div>
    </>
  )
}

interface ChipsProps {
  readonly names: readonly string[]
  readonly chosen: readonly string[]
  readonly set: (chosen: string) => void
  readonly said?: (name: string) => string
}

function Chips({ names, chosen, set, said = (name) => name }: ChipsProps) {
  return (
    <div className="filters">
      {names.map((name) => (
        <button
          key={name}
          type="button"
          className="chip"
          aria-pressed={chosen.includes(name)}
          onClick={() => set((chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]).join(','))}
        >
          {said(name)}
        </button>
      ))}
    </div>
  )
}

const NEEDS = ['untrusted-code', 'own-hardware', 'own-definitions', 'compliance', 'regulated', 'separate-bill']
