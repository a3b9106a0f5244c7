"""The output of stages before the catalog: finds (pictures with statements about them) and tars of their bytes."""
