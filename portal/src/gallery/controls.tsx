import { useEffect } from 'react'
import { Trouble } from '../api/problem'
import { CopyCommand } from '../parts/copy'
import { FormPanel } from '../parts/form_panel'
import { Moment } from '../parts/moment'
import { Sheet } from '../parts/sheet'
import { say, sayTrouble } from '../parts/toasts'
import { THEN } from './panels'

const BUTTONS = ['act', 'act first', 'act plain', 'act danger', 'chip']

/** Buttons, chips and fields: as they are, pressed, and where nothing can be done. */
export function Controls() {
  return (
    <>
      {BUTTONS.map((each) => (
        <div key={each} className="filters">
          <button type="button" className={each}>
            {each}
          </button>
          <button type="button" className={each} disabled>
            disabled
          </button>
          <button type="button" className={each} aria-pressed>
            pressed
          </button>
        </div>
      ))}
      <div className="filters">
        <select className="chip" aria-label="A choice">
          <option>every team</option>
        </select>
        <select className="chip" data-set="" aria-label="A choice that was made">
          <option>team nlp</option>
        </select>
        <input className="search" placeholder="Search" aria-label="Search" />
        <input className="search" defaultValue="bert" aria-label="Search for something" />
        <CopyCommand command="allot ps" />
        <Moment at={THEN} />
      </div>
    </>
  )
}

export function Forms() {
  return (
    <FormPanel title="Ask for GPUs" send={() => Promise.resolve()}>
      <label className="field">
        <span className="label">GPUs</span>
        <input defaultValue="16" />
      </label>
      <label className="field">
        <span className="label">Accelerator</span>
        <select>
          <option>a100</option>
        </select>
      </label>
      <label className="field">
        <span className="label">With a hint</span>
        <input placeholder="64" />
      </label>
      <label className="field whole">
        <span className="label">Why</span>
        <textarea defaultValue="The model of the quarter" />
      </label>
      <label>
        <input type="checkbox" defaultChecked /> Notify me
      </label>
      <div className="whole acts">
        <button type="submit" className="act first">
          Ask
        </button>
      </div>
    </FormPanel>
  )
}

/** What was done, and what was not. */
export function Told() {
  useEffect(() => {
    say('Stopped train-bert', () => undefined)
    sayTrouble(new Trouble(409, 'somebody has changed it meanwhile', '', 'read it again', '', ''), 'r-17')
  }, [])
  return null
}

export function Sheets() {
  return (
    <Sheet title="Stop 2 jobs" open close={() => undefined}>
      <p>They have 12 GPUs. What they did since their last checkpoint is lost.</p>
      <div className="acts">
        <button type="button" className="act danger">
          Stop them
        </button>
        <button type="button" className="act plain">
          Leave them
        </button>
      </div>
    </Sheet>
  )
}
