"""DICOM radiotherapy objects: RT Dose, RT Structure Set and RT Plan."""
