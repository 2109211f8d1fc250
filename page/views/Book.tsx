export function Book() {
  return (
    <div class="view">
      <h1>Book</h1>
    </div>
  );
}
