"""x"""
from dataclasses import replace

from bioasm.models.base import *
from bioasm.models.expression import *
from bioasm.units import EXPONENTS
from bioasm.units import Dimension as D

V=EXPONENTS[D.VOLTAGE]; A=EXPONENTS[D.CURRENT]
S=Symbol; B=Binary
def full(m):
    if m.states or m.kind=="spins": return m
    sec=B("/",Number(2.0),S("tau"))
    rate=B("/",B("+",Negation("-",B("-",S("v"),S("El"))),B("*",S("R"),B("+",S("I_offset"),S("I_in")))),S("tau"))
    return replace(m,states=(StateVariable("v",S("El"),V),),inputs=(Input("I_in",0.0,A),),
      definitions=(Definition("s",Call("clip",(B("/",B("-",S("v"),S("El")),B("-",S("Vt"),S("El"))),Number(0.0),Number(1.0))),NO_UNIT),),
      stages=((Equation("v",rate,"euler",(("xi",B("*",S("sigma"),Call("sqrt",(sec,)))),)),),),
      threshold=Threshold(B(">",S("v"),S("Vt"))),reset=(Assignment("v",S("Vr")),),
      ports=(Port("",V,(("v",Number(1.0)),)),), feedback=Feedback("s","I_in","feedback_interval","I_max"),
      observables=tuple(o._replace(variable="s") if o.name=="state" else o for o in m.observables))
