import { useEffect, useRef, useState } from 'preact/hooks';
import type { Alert } from '../../../src/alert.ts';
import { PincexClientError } from '../../../src/client/index.ts';
import { Plain } from '../../components/Plain.tsx';
import { Ago } from '../../components/Time.tsx';
import { picture } from '../../live/live.ts';
import { client, endIfUnauthorized, personName, rememberName } from '../../session.ts';

/** Who has seen an alert, or a way to say so. A pending alert cannot be acknowledged. */
export function Acknowledge({ alert, at }: { readonly alert: Alert; readonly at: string }) {
  const [isAsking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const acknowledge = async (by: string): Promise<void> => {
    try {
      const acknowledged = await client.value?.acknowledgeAlert(alert.id, by);
      rememberName(by);
      setAsking(false);
      if (acknowledged !== undefined) show(acknowledged);
    } catch (error) {
      endIfUnauthorized(error);
      setRefusal(refusalOf(error));
    }
  };
  if (alert.acknowledgedBy !== null && alert.acknowledgedAt !== null)
    return (
      <p class="hint seen">
        seen by <Plain text={alert.acknowledgedBy} /> <Ago at={alert.acknowledgedAt} now={at} />
      </p>
    );
  if (alert.state === 'pending') return null;
  return (
    <div class="acknowledge">
      {isAsking ? (
        <NameForm
          onName={(name) => void acknowledge(name)}
          onCancel={() => {
            setAsking(false);
          }}
        />
      ) : (
        <button
          type="button"
          class="small"
          onClick={() => {
            setAsking(true);
          }}
        >
          Acknowledge<span class="unseen"> {alert.rule}</span>
        </button>
      )}
      <p class="refusal" role="alert">
        {refusal}
      </p>
    </div>
  );
}

interface NameFormProps {
  readonly onName: (name: string) => void;
  readonly onCancel: () => void;
}

function NameForm({ onName, onCancel }: NameFormProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    input.current?.focus();
  }, []);
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        onName(input.current?.value.trim() ?? '');
      }}
      onKeyDown={({ key }) => {
        if (key === 'Escape') onCancel();
      }}
    >
      <label class="field">
        <span class="label">Your name</span>
        <input
          ref={input}
          defaultValue={personName.value}
          required
          pattern=".*\S.*"
          maxLength={128}
          size={12}
        />
      </label>
      <button type="submit" class="primary">
        Acknowledge
      </button>
      <button type="button" class="quiet" onClick={onCancel}>
        Cancel
      </button>
    </form>
  );
}

/** The next picture has it too, in two seconds. */
function show(acknowledged: Alert): void {
  if (picture.value === null) return;
  const alerts = picture.value.alerts.map((one) => (one.id === acknowledged.id ? acknowledged : one));
  picture.value = { ...picture.value, alerts };
}

function refusalOf(error: unknown): string {
  if (!(error instanceof PincexClientError)) throw error;
  if (error.code === 'forbidden')
    return 'This key may only read: to acknowledge alerts it needs the scope admin.';
  if (error.code === 'not_found') return 'This alert is gone.';
  return error.message;
}
