CREATE TEMPORARY TABLE {{ probe | ident }} (probe INTEGER)
