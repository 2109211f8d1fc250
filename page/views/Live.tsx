export function Live() {
  return (
    <div class="view">
      <h1>Live</h1>
    </div>
  );
}
