import ts from 'typescript';

/** A field, a property or a method of what the package exports: something that a caller can name. */
export interface Member {
  /** The class or interface that it belongs to. */
  readonly owner: string;
  readonly name: string;
  readonly isMethod: boolean;
  /** `?` */
  readonly isOptional: boolean;
  /** `| undefined` */
  readonly takesUndefined: boolean;
  /** Its TSDoc; empty where it has none. */
  readonly comment: string;
}

/** All members that can be reached from the exports of a file of types, through the types named on the way. */
export function surfaceOf(file: string): Member[] {
  const program = ts.createProgram([file], {
    types: [],
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    exactOptionalPropertyTypes: true,
    strict: true,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const entry = source && checker.getSymbolAtLocation(source);
  if (entry === undefined) throw new Error(`${file} exports nothing`);
  const seen = new Set<ts.Symbol>();
  const members: Member[] = [];
  for (const symbol of checker.getExportsOfModule(entry)) reach(symbol);
  return members;

  function reach(symbol: ts.Symbol): void {
    const named = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (seen.has(named)) return;
    seen.add(named);
    for (const declaration of named.declarations ?? []) {
      // The types of the language itself and of the routes are left out: callers name none of them.
      if (program.isSourceFileDefaultLibrary(declaration.getSourceFile()) || named.name === 'paths') continue;
      visit(declaration, named.name);
    }
  }

  function visit(node: ts.Node, owner: string): void {
    if (ts.isPropertySignature(node) || ts.isPropertyDeclaration(node)) note(node, owner);
    else if (ts.isMethodDeclaration(node) || ts.isMethodSignature(node)) note(node, owner);
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node);
      if (symbol !== undefined && symbol.flags & (ts.SymbolFlags.Type | ts.SymbolFlags.Alias)) reach(symbol);
    }
    node.forEachChild((child) => {
      visit(child, owner);
    });
  }

  function note(
    node: ts.PropertySignature | ts.PropertyDeclaration | ts.MethodDeclaration | ts.MethodSignature,
    owner: string,
  ): void {
    if (ts.isPrivateIdentifier(node.name)) return;
    const isMethod = ts.isMethodDeclaration(node) || ts.isMethodSignature(node);
    const symbol = checker.getSymbolAtLocation(node.name);
    members.push({
      owner,
      name: node.name.getText(),
      isMethod,
      isOptional: node.questionToken !== undefined,
      takesUndefined: !isMethod && node.type !== undefined && allowsUndefined(node.type),
      comment: ts.displayPartsToString(symbol?.getDocumentationComment(checker)),
    });
  }
}

/** Whether a type admits `undefined`, admits anything, or is `never`, with which there is nothing to leave out. */
function allowsUndefined(type: ts.TypeNode): boolean {
  const kinds = ts.isUnionTypeNode(type) ? type.types.map(({ kind }) => kind) : [type.kind];
  return kinds.some((kind) => ALLOWING.has(kind));
}

const ALLOWING: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.UndefinedKeyword,
  ts.SyntaxKind.UnknownKeyword,
  ts.SyntaxKind.NeverKeyword,
]);
