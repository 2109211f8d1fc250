export function Database() {
  return (
    <div class="view">
      <h1>Database</h1>
    </div>
  );
}
